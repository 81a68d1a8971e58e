//! What is found by typing a part of it.

/// Whether a text contains another, in whatever case; everything contains nothing.
pub(super) fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}
