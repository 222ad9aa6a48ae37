//! `user_agent.synthetic.type`: "Components that populate the attribute are responsible for determining what they consider
//! to be synthetic bot or test traffic" (conventions, registry of user agents).

/// How much of a user agent is looked at.
const MAX_LENGTH: usize = 1024;

/// What tests say of themselves, in lower case.
const TESTS: [&str; 3] = ["alwayson", "synthetics", "healthcheck"];
/// What ends the names of those who crawl, in lower case: `Googlebot/2.1`, `bingbot`.
const BOTS: [&str; 4] = ["bot", "crawler", "spider", "slurp"];

/// `test` or `bot`, where a product of the user agent, in its comments too, is called like one.
pub(super) fn synthetic_type(user_agent: &str) -> Option<&'static str> {
    let user_agent = user_agent.as_bytes();
    let words = || {
        let user_agent = &user_agent[..user_agent.len().min(MAX_LENGTH)];
        user_agent.split(|byte| !byte.is_ascii_alphanumeric())
    };
    let is = |word: &[u8], name: &str| {
        word.len() >= name.len()
            && word[word.len() - name.len()..].eq_ignore_ascii_case(name.as_bytes())
    };
    let has = |names: &[&str]| words().any(|word| names.iter().any(|name| is(word, name)));
    if has(&TESTS) {
        Some("test")
    } else {
        has(&BOTS).then_some("bot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(user_agent: &str, expected: Option<&str>) {
        assert_eq!(synthetic_type(user_agent), expected, "{user_agent}");
    }

    #[test]
    fn bots_and_tests_are_told_by_their_names() {
        check(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Some("bot"),
        );
        check("Mozilla/5.0 (compatible; bingbot/2.0)", Some("bot"));
        check("Baiduspider", Some("bot"));
        check(
            "Mozilla/5.0 (Windows NT 10.0; AlwaysOn) AppleWebKit/537.36",
            Some("test"),
        );
        check("GoogleHC/1.0", None);
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            None,
        );
        check("Bottles/1.0 robotics", None);
        check("", None);
        check(&format!("{}bot", " ".repeat(1024)), None);
    }
}
