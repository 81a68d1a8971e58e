//! A number of things in words.

/// "1 receipt", "2 receipts".
///
/// ```
/// use untorn::counted::counted;
/// assert_eq!(counted(0, "case"), "0 cases");
/// assert_eq!(counted(1, "false alarm"), "1 false alarm");
/// assert_eq!(counted(2_u64, "entry"), "2 entries");
/// ```
pub fn counted(number: impl TryInto<u64>, of: &str) -> String {
    // What does not fit is many.
    let number = number.try_into().unwrap_or(u64::MAX);
    match (number, of.strip_suffix('y')) {
        (1, _) => format!("1 {of}"),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {of}s"),
    }
}
