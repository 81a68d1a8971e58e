//! Text for a screen or a page that takes it as it is: what comes from outside (names of readers and files, journals, reports, cards) must
//! not move the cursor, ring, hide or turn text around; and a terminal that does not know UTF-8 gets plain ASCII.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write as _;

/// Octets of an error that are shown; what it quotes from outside may be of any length.
const LINE_MAX: usize = 600;

/// What the terminal's locale can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// Everything.
    #[default]
    Utf8,
    /// ASCII: any other locale, in which the octets of UTF-8 would be something else.
    Ascii,
}

impl Charset {
    /// By the environment (POSIX.1-2017, XBD 8.2): the first of these that is set and not empty names the locale; none is "C".
    pub fn from_environment() -> Self {
        Self::of(["LC_ALL", "LC_CTYPE", "LANG"].map(std::env::var_os))
    }

    /// LC_ALL, LC_CTYPE and LANG, in this order.
    fn of(values: [Option<OsString>; 3]) -> Self {
        let first = values.into_iter().flatten().find(|value| !value.is_empty()).unwrap_or_default();
        let name = first.to_string_lossy().to_ascii_lowercase();
        // language_territory.codeset@modifier
        let codeset = name.split('@').next().unwrap_or_default().split_once('.').map(|(_, codeset)| codeset);
        if matches!(codeset, Some("utf-8" | "utf8")) { Self::Utf8 } else { Self::Ascii }
    }

    /// Text for people, made ready to be printed.
    pub fn text(self, text: &str) -> String {
        let text = visible(text);
        match self {
            Self::Utf8 => text.into_owned(),
            Self::Ascii => {
                let words = [" (処理未了)", "処理未了  ", "  処理未了", "処理未了"];
                words
                    .into_iter()
                    .fold(text.into_owned(), |text, word| text.replace(word, ""))
                    .chars()
                    .map(ascii)
                    .collect()
            }
        }
    }

    /// JSON, made ready to be printed: the same values, with what must not be printed as `\uXXXX`.
    pub fn json(self, json: &str) -> String {
        let mut text = String::with_capacity(json.len());
        for letter in json.chars() {
            if is_unsafe(letter) || self == Self::Ascii && !letter.is_ascii() {
                escape(letter, &mut text);
            } else {
                text.push(letter);
            }
        }
        text
    }

    /// An error or a warning: one line, and not longer than somebody reads.
    pub fn line(self, text: &str) -> String {
        let text = text.trim_end();
        let ready = |text: &str| self.text(text).replace('\n', "\\n");
        if text.len() <= LINE_MAX {
            return ready(text);
        }
        // What it is about stands at the beginning, what is wrong with it often at the end.
        let (head, tail) = (text.floor_char_boundary(LINE_MAX / 2), text.ceil_char_boundary(text.len() - LINE_MAX / 2));
        format!("{} [{} more octets] {}", ready(&text[..head]), tail - head, ready(&text[tail..]))
    }
}

/// The text with every character that would do something to a screen as `\uXXXX`. Line feeds and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_unsafe(letter) {
            escape(letter, &mut shown);
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// The same for a name that stands in a line with others.
pub fn name(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

/// Control characters but line feed and tab, and what Unicode turns text around or hides it with (UAX #9, 2; U+200B to U+200F, U+FEFF).
pub fn is_unsafe(letter: char) -> bool {
    let acts = letter.is_control() && !matches!(letter, '\n' | '\t');
    let turns = matches!(letter, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}');
    acts || turns || matches!(letter, '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

fn escape(letter: char, into: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(into, "\\u{unit:04x}");
    }
}

/// What stands for this character in ASCII, one column wide.
pub const fn ascii(letter: char) -> char {
    match letter {
        '\0'..='\x7F' => letter,
        '─' | '━' | '═' | '—' | '–' => '-',
        '│' | '┃' | '║' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╭' | '╮' | '╯' | '╰' | '✓' => {
            '+'
        }
        '█' | '▀' | '▄' | '▌' | '▐' => '#',
        '●' => '*',
        '○' => 'o',
        '▸' | '▶' | '→' => '>',
        '◂' | '◀' | '←' | '⌫' => '<',
        '↑' => '^',
        '↓' => 'v',
        '✗' | '×' => 'x',
        '·' | '…' => '.',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_something_names_the_locale() {
        let of = |values: [&str; 3]| Charset::of(values.map(|value| (value != "-").then(|| value.into())));
        for utf8 in
            [["-", "-", "C.UTF-8"], ["en_GB.utf8", "C", "C"], ["", "ja_JP.UTF-8@x", "POSIX"], ["", "", "C.utf-8"]]
        {
            assert_eq!(of(utf8), Charset::Utf8, "{utf8:?}");
        }
        for other in [
            ["-", "-", "-"],
            ["C", "C.UTF-8", "C.UTF-8"],
            ["", "POSIX", "C.UTF-8"],
            ["ja_JP.EUC-JP", "-", "-"],
            ["-", "-", "en_GB"],
            ["", "", ""],
        ] {
            assert_eq!(of(other), Charset::Ascii, "{other:?}");
        }
    }

    #[test]
    fn nothing_from_outside_acts_on_a_screen() {
        let hostile = "a\u{1b}[31m\u{7}\u{9b}2J\u{202e}b\u{2066}\r\u{0}\u{7f}\u{feff}";
        for charset in [Charset::Utf8, Charset::Ascii] {
            for shown in [charset.text(hostile), charset.line(hostile), charset.json(hostile)] {
                assert!(!shown.contains(is_unsafe), "{shown:?}");
                assert!(shown.starts_with("a\\u001b[31m\\u0007\\u009b2J\\u202eb"), "{shown}");
            }
        }
        assert_eq!(name("a\nOrder 1: paid"), "a\\nOrder 1: paid");
        assert_eq!(visible("処理未了\n\tok"), "処理未了\n\tok");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ "a": "\u{1b}\u{9b}\u{202e}未💳" });
        for charset in [Charset::Utf8, Charset::Ascii] {
            let printed = charset.json(&value.to_string());
            assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), value);
            assert!(charset == Charset::Utf8 || printed.is_ascii());
        }
    }

    #[test]
    fn a_line_is_one_and_short() {
        let line = Charset::Utf8.line(&format!("cannot read {}: no\n", "x\n".repeat(50_000)));
        assert!(line.len() < 2 * LINE_MAX && !line.contains('\n'), "{line}");
        assert!(line.starts_with("cannot read x") && line.ends_with(": no"), "{line}");
    }

    #[test]
    fn plain_text_has_no_japanese_and_no_boxes() {
        let plain = Charset::Ascii.text("UNRESOLVED (処理未了): │ ━━ ● カード");
        assert_eq!(plain, "UNRESOLVED: | -- * ???");
    }
}
