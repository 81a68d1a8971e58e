//! Words from outside in a message: in quotation marks, escaped, and never long.

/// Characters of a word that are told.
const CHARS_MAX: usize = 80;

/// A word that somebody typed or a file holds, as a message shows it: what is no printable character is escaped, so that no word from
/// outside moves the cursor or breaks the line, and of a long one only the beginning is told.
///
/// ```
/// use untorn::quoted::quoted;
/// assert_eq!(quoted("Ana's card"), "\"Ana's card\"");
/// assert_eq!(quoted("\u{1b}[2J"), "\"\\u{1b}[2J\"");
/// assert_eq!(quoted("x".repeat(50_000_000)).chars().count(), 83);
/// ```
pub fn quoted(word: impl AsRef<str>) -> String {
    let mut shown = String::from("\"");
    for (index, letter) in word.as_ref().chars().enumerate() {
        if index == CHARS_MAX {
            shown.push('…');
            break;
        }
        // Within double quotation marks a single one needs no escape.
        if letter == '\'' {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_debug());
        }
    }
    shown.push('"');
    shown
}
