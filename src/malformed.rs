//! What is wrong with the text of a file, in words of ours: where, and what was expected. The parsers' own texts quote what stands there
//! instead, and in these files that can be a secret: a PIN without its quotes is a PIN all the same.

use serde_json::error::Category;

/// What is wrong with TOML.
///
/// ```
/// use untorn::malformed;
/// #[derive(Debug, serde::Deserialize)]
/// struct File { pin: String }
/// let wrong = |text: &str| malformed::toml(text, &toml::from_str::<File>(text).unwrap_err());
/// assert_eq!(wrong("pin = 1234"), "line 1, column 7: expected a string");
/// assert_eq!(wrong("[other"), "line 1, column 7: unclosed table, expected `]`");
/// ```
pub fn toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let place = before.map_or_else(String::new, |before| {
        let (line, column) =
            (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
        format!("line {line}, column {column}: ")
    });
    place + &unquoted(error.message())
}

/// What is wrong with JSON.
///
/// ```
/// use untorn::malformed;
/// #[derive(Debug, serde::Deserialize)]
/// struct File { pin: String }
/// let wrong = |text: &str| malformed::json(&serde_json::from_str::<File>(text).unwrap_err());
/// assert_eq!(wrong(r#"{"pin": 1234}"#), "line 1, column 12: expected a string");
/// assert_eq!(wrong(r#"{"pin":"#), "it breaks off in line 1");
/// assert_eq!(wrong(""), "it is empty");
/// assert_eq!(wrong("pin"), "line 1, column 1: no JSON: expected value");
/// ```
pub fn json(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    // serde_json adds the place to the text (1.0, Error's Display).
    let reason = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(reason, _)| reason);
    let place =
        if error.line() == 0 { String::new() } else { format!("line {}, column {}: ", error.line(), error.column()) };
    match error.classify() {
        Category::Eof if (error.line(), error.column()) == (1, 0) => "it is empty".to_owned(),
        Category::Eof => format!("it breaks off in line {}", error.line()),
        Category::Syntax => format!("{place}no JSON: {reason}"),
        Category::Data | Category::Io => place + &unquoted(reason),
    }
}

/// Without the value that serde repeats (serde 1.0, de::Error).
fn unquoted(message: &str) -> String {
    let quotes = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    match message.rsplit_once(", expected ").filter(|_| quotes) {
        Some((_, expected)) => format!("expected {expected}"),
        None => message.to_owned(),
    }
}
