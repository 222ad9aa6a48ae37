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
///
/// It need not be a right one: everything up to the last `@` is taken as user information.
pub(crate) fn shown_url(url: &str) -> String {
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if rest.starts_with("//") => url.split_at(scheme.len() + "://".len()),
        _ => ("", url),
    };
    let shown = match rest.rsplit_once('@') {
        // Whether a password or a query ends here cannot be told.
        Some((before, _)) if before.contains(['?', '#']) => "***",
        Some((_, host)) => without_query(host),
        None => without_query(rest),
    };
    format!("{scheme}{shown}")
}

fn without_query(url: &str) -> &str {
    &url[..url.find(['?', '#']).unwrap_or(url.len())]
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
    fn a_shown_url_has_no_credentials_even_if_it_is_wrong() {
        let check = |url: &str, expected: &str| assert_eq!(shown_url(url), expected, "{url}");
        check("http://h:1/v1", "http://h:1/v1");
        check("http://u:secret@h/v1?key=secret#f", "http://h/v1");
        check("http://h#secret", "http://h");
        check("u:secret@h:4318", "h:4318");
        check("u:secret://secret@h:4318", "h:4318");
        check("http://u:se@cret@h", "http://h");
        check("http://u:se/cret@h/v1", "http://h/v1");
        check("http://u:se://cret@h", "http://h");
        check("http://u:se?cret@h", "http://***");
        check("http://u:se#cret@h", "http://***");
        check("http://h/v1?key=se@cret", "http://***");
        check("localhost:4318", "localhost:4318");
        check("", "");
    }

    #[test]
    fn a_printable_text_is_one_bounded_line() {
        assert_eq!(printable("a\nb"), "a b");
        assert_eq!(printable(&"x".repeat(LONGEST + 9)).len(), LONGEST);
    }
}
