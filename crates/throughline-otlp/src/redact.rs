/// Longest text of a foreign error that is passed on, in characters.
const LONGEST: usize = 400;

/// The text of a foreign error or panic, fit for a log line: without the user information of any URL in it, on one
/// line, bounded in length.
pub(crate) fn printable(text: &str) -> String {
    without_user_info(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect()
}

/// Removes `user:password@` after every `://`.
pub(crate) fn without_user_info(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        out.push_str(after_user_info(part));
    }
    out
}

/// A URL that may be shown: without user information, query and fragment, since keys travel in all three.
pub(crate) fn shown_url(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    without_user_info(&url[..end])
}

fn after_user_info(text: &str) -> &str {
    let ends_authority = |c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace();
    let authority = &text[..text.find(ends_authority).unwrap_or(text.len())];
    match authority.rfind('@') {
        Some(at) => &text[at + 1..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_is_removed_from_every_url() {
        let check = |text: &str, expected: &str| assert_eq!(without_user_info(text), expected);
        check("http://host/a@b", "http://host/a@b");
        check("http://u:p@host:4318/v1", "http://host:4318/v1");
        check("http://u:p@ss@host", "http://host");
        check(
            "at \"http://u@a/x\" and grpc://u:p@b",
            "at \"http://a/x\" and grpc://b",
        );
        check("mail me@host", "mail me@host");
        check("", "");
    }

    #[test]
    fn a_shown_url_has_no_query() {
        assert_eq!(shown_url("http://u:p@h/v1?key=1#f"), "http://h/v1");
    }

    #[test]
    fn a_printable_text_is_one_bounded_line() {
        assert_eq!(printable("a\nb"), "a b");
        assert_eq!(printable(&"x".repeat(LONGEST + 9)).len(), LONGEST);
    }
}
