//! Values for people: in plain words, and of two that differ what they differ in: of a receipt with ten fields the one that is wrong,
//! by its name. Both read what a type derives as its `Debug`, so that every type has words, also those of a family from outside.

use std::fmt::{self, Debug};

/// Differences that are told; the rest is counted.
const DIFFERENCES_MAX: usize = 3;
/// Characters of a value that are told.
const VALUE_CHARS_MAX: usize = 80;
/// Of these, the last in which two long values are alike.
const ALIKE_CHARS: usize = 16;
/// Characters of a tuple or list that is told whole.
const ROW_CHARS_MAX: usize = 40;

/// What differs, by the `Debug` of both; of structures only the fields that do. Never longer than some 700 characters.
///
/// ```
/// use untorn::difference::difference;
/// #[derive(Debug)]
/// struct Receipt { amount: u32, balance_after: u32 }
/// let expected = Receipt { amount: 1, balance_after: 17_079 };
/// let got = Receipt { amount: 1, balance_after: 17_078 };
/// assert_eq!(difference(&Some(expected), &Some(got)), "balance after: expected 17079, got 17078");
/// assert_eq!(difference(&1, &2), "expected 1, got 2");
/// ```
pub fn difference<T: Debug>(expected: &T, got: &T) -> String {
    let mut found = Found::default();
    match (Node::of(expected), Node::of(got)) {
        (Some(expected), Some(got)) => found.compare("", &expected, &got),
        // What does not read as the usual Debug is one value.
        _ => found.add("", &plain(expected), &plain(got)),
    }
    found.to_string()
}

/// A value in plain words: names of variants and fields as words, wrappers left out.
///
/// ```
/// use untorn::difference::plain;
/// #[derive(Debug)]
/// enum Step { TakeValue { logical_card: u8, amount: u32 }, PowerOff }
/// assert_eq!(plain(&Some(Step::TakeValue { logical_card: 1, amount: 100 })), "take value (logical card 1, amount 100)");
/// assert_eq!(plain(&[Some(Step::PowerOff), None]), "[power off, nothing]");
/// ```
pub fn plain<T: Debug + ?Sized>(value: &T) -> String {
    // What does not read as the usual Debug has a form of its own, made for people.
    Node::of(value).map_or_else(|| format!("{value:?}"), |node| node.to_string())
}

/// Two values as texts that differ.
pub fn parted(expected: &str, got: &str) -> String {
    format!("expected {}, got {}", shortened(expected, got), shortened(got, expected))
}

/// No more of a value than one reads; of two that begin alike for long, from shortly before they part.
fn shortened(text: &str, other: &str) -> String {
    let chars = text.chars().count();
    if chars <= VALUE_CHARS_MAX {
        return text.to_owned();
    }
    let alike = text.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    // Whole octets, where it is hexadecimal.
    let from = alike.saturating_sub(ALIKE_CHARS) & !1;
    let shown: String = text.chars().skip(from).take(VALUE_CHARS_MAX).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if chars > from + VALUE_CHARS_MAX { "…" } else { "" };
    format!("{before}{shown}{after}")
}

/// What differs so far.
#[derive(Default)]
struct Found {
    told: Vec<String>,
    untold: usize,
}

impl Found {
    fn compare(&mut self, path: &str, expected: &Node, got: &Node) {
        let names = |node: &Node| node.children.iter().map(|child| child.name.clone()).collect::<Vec<_>>();
        let is_list = expected.head == "[" && got.head == "[";
        let is_one_value = expected.head != got.head
            || (!is_list && names(expected) != names(got))
            || expected.children.is_empty()
            || (expected.is_short_row() && got.is_short_row());
        if is_one_value {
            let (expected, got) = (expected.to_string(), got.to_string());
            if expected != got {
                self.add(path, &expected, &got);
            }
            return;
        }
        let most = expected.children.len().max(got.children.len());
        for index in 0..most {
            let (left, right) = (expected.children.get(index), got.children.get(index));
            let name = left.or(right).map_or("", |node| &node.name);
            // Some(...), Ok(...) and the like say nothing about where.
            let place = match (name, path) {
                ("", _) if most == 1 && !is_list => path.to_owned(),
                ("", _) => format!("{path}[{index}]"),
                (_, "") => name.to_owned(),
                _ => format!("{path}.{name}"),
            };
            match (left, right) {
                (Some(left), Some(right)) => self.compare(&place, left, right),
                _ => self.add(&place, &text(left), &text(right)),
            }
        }
    }

    fn add(&mut self, path: &str, expected: &str, got: &str) {
        if self.told.len() == DIFFERENCES_MAX {
            self.untold += 1;
            return;
        }
        let place = if path.is_empty() { String::new() } else { format!("{}: ", path.replace('_', " ")) };
        self.told.push(format!("{place}{}", parted(expected, got)));
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.told.is_empty(), self.untold) {
            // A secret is masked in its Debug.
            (true, _) => f.write_str("they differ in what is not shown"),
            (false, 0) => f.write_str(&self.told.join("; ")),
            (false, untold) => write!(f, "{}; and {untold} more", self.told.join("; ")),
        }
    }
}

fn text(node: Option<&Node>) -> String {
    node.map_or_else(|| "nothing".to_owned(), ToString::to_string)
}

/// A value as its `Debug` tells it.
struct Node {
    /// Of a field or an entry; empty otherwise.
    name: String,
    /// The value itself, or what opens it: `ReceiptBody {`, `Some(`, `[`.
    head: String,
    children: Vec<Node>,
    /// What closes it.
    tail: &'static str,
}

impl Node {
    /// A tuple or list of which one reads the whole sooner than which of its places differs.
    fn is_short_row(&self) -> bool {
        matches!(self.head.as_str(), "(" | "[") && self.to_string().chars().count() <= ROW_CHARS_MAX
    }

    /// Reads the alternate form, which has a line for every field. `None`: some type has a form of its own.
    fn of<T: Debug + ?Sized>(value: &T) -> Option<Self> {
        let text = format!("{value:#?}");
        let mut open = vec![Self { name: String::new(), head: String::new(), children: Vec::new(), tail: "" }];
        for line in text.lines() {
            let line = line.trim_start();
            let line = line.strip_suffix(',').unwrap_or(line);
            if matches!(line, "}" | ")" | "]") {
                let closed = open.pop().filter(|node| node.tail == line)?;
                open.last_mut()?.children.push(closed);
                continue;
            }
            let (name, head) = named(line);
            let tail = match head.chars().last() {
                Some('{') => "}",
                Some('(') => ")",
                Some('[') => "]",
                _ => "",
            };
            let node = Self { name: name.to_owned(), head: head.to_owned(), children: Vec::new(), tail };
            if tail.is_empty() {
                open.last_mut()?.children.push(node);
            } else {
                open.push(node);
            }
        }
        let root = open.pop().filter(|_| open.is_empty())?;
        let mut children = root.children.into_iter();
        children.next().filter(|_| children.next().is_none())
    }
}

/// The name of a field in front of its value.
fn named(line: &str) -> (&str, &str) {
    let is_name = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    line.split_once(": ").filter(|(name, _)| is_name(name)).unwrap_or(("", line))
}

/// `RemovedBefore` and `logical_card` as words.
fn words(name: &str) -> String {
    // What is written in capitals stays so.
    if !name.chars().any(char::is_lowercase) {
        return name.to_owned();
    }
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        if letter == '_' {
            words.push(' ');
        } else {
            words.extend(letter.to_lowercase());
        }
    }
    words
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic()) && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A value that stands on one line.
fn one_value(text: &str) -> String {
    match text {
        "None" => "nothing".to_owned(),
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        "()" => "done".to_owned(),
        _ if is_name(text) => words(text),
        _ => {
            // `Link(ACA0)`: the type says nothing that the name of the field does not say.
            let inner = text.strip_suffix(')').and_then(|text| text.split_once('('));
            inner.filter(|(name, _)| is_name(name)).map_or_else(|| text.to_owned(), |(_, inner)| one_value(inner))
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |child: &Self| match child.name.as_str() {
            "" => child.to_string(),
            name => format!("{} {child}", words(name)),
        };
        let children = || self.children.iter().map(named).collect::<Vec<_>>().join(", ");
        match (self.tail, self.head.trim_end_matches(['(', '{', '[', ' '])) {
            ("", _) => f.write_str(&one_value(&self.head)),
            ("]", _) => write!(f, "[{}]", children()),
            // Some(...), Ok(...), and a type around one value.
            (")", _) if self.children.len() == 1 => f.write_str(&children()),
            ("}", "") => write!(f, "{{{}}}", children()),
            (_, "") => write!(f, "({})", children()),
            (_, name) => write!(f, "{} ({})", words(name), children()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Inner {
        text: String,
        list: Vec<u32>,
    }

    #[derive(Debug, Clone, PartialEq)]
    enum Outer {
        Nothing,
        One(Box<Inner>),
        Pair(u8, Inner),
        Map { of: BTreeMap<u8, Inner>, unit: () },
    }

    /// Has a form of its own.
    struct Odd(String);

    impl Debug for Odd {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    const LONG: [u32; 20] = [7000; 20];

    fn inner(text: &str, list: &[u32]) -> Inner {
        Inner { text: text.to_owned(), list: list.to_vec() }
    }

    #[test]
    fn only_what_differs_is_told_by_its_path() {
        let one = |inner| Outer::One(Box::new(inner));
        for (expected, got, told) in [
            (one(inner("a", &[1])), one(inner("b", &[1])), r#"text: expected "a", got "b""#),
            (one(inner("a", &[1, 2])), one(inner("a", &[1, 3])), "list: expected [1, 2], got [1, 3]"),
            (one(inner("a", &LONG)), one(inner("a", &LONG[..19])), "list[19]: expected 7000, got nothing"),
            (one(inner("a", &[1])), one(inner("a", &[1, 3])), "list: expected [1], got [1, 3]"),
            (one(inner("a", &[])), one(inner("a", &[3])), "list: expected [], got [3]"),
            (Outer::Nothing, one(inner("a", &[])), r#"expected nothing, got inner (text "a", list [])"#),
            (
                Outer::Pair(1, inner("a", &[])),
                Outer::Pair(2, inner("(", &[])),
                r#"[0]: expected 1, got 2; [1].text: expected "a", got "(""#,
            ),
            (
                Outer::Map { of: [(7, inner("{", &[4]))].into(), unit: () },
                Outer::Map { of: [(7, inner("{", &[5]))].into(), unit: () },
                "of.7.list: expected [4], got [5]",
            ),
        ] {
            assert_eq!(difference(&expected, &got), told);
        }
    }

    #[test]
    fn what_is_told_is_bounded() {
        let long = "x".repeat(5000);
        assert!(difference(&long, &"y".to_owned()).chars().count() < 120);
        let (zeros, ones) = (vec![0; 100], vec![1; 100]);
        let told = difference(&zeros, &ones);
        assert_eq!(told, "[0]: expected 0, got 1; [1]: expected 0, got 1; [2]: expected 0, got 1; and 97 more");
    }

    #[test]
    fn a_form_of_its_own_is_one_value_and_a_masked_one_is_not_taken_for_equal() {
        let told = |expected: &str, got: &str| difference(&Odd(expected.to_owned()), &Odd(got.to_owned()));
        assert_eq!(told("a }\n}", "b {"), "expected a }\n}, got b {");
        assert_eq!(told("****", "****"), "they differ in what is not shown");
    }

    #[test]
    fn of_long_values_the_place_is_told_where_they_part() {
        let octets = "00112233445566778899".repeat(20);
        let odd = |text: &str| Odd(text.to_owned());
        let told = difference(&odd(&octets), &odd(&format!("{}8F", &octets[..398])));
        assert_eq!(told, "expected …112233445566778899, got …11223344556677888F");
    }

    proptest! {
        /// Whatever stands in texts and lists: two that differ are told apart, and by no more than there is room for.
        #[test]
        fn two_that_differ_are_told_apart(
            texts in proptest::array::uniform2(".{0,12}"),
            lists in proptest::array::uniform2(proptest::collection::vec(0..3_u32, 0..4)),
        ) {
            let [expected, got] = [0, 1].map(|at| Outer::One(Box::new(inner(&texts[at], &lists[at]))));
            let told = difference(&expected, &got);
            prop_assert_eq!(expected != got, told.contains("expected"));
            prop_assert_eq!(texts[0] != texts[1], told.contains("text: "));
            prop_assert!(told.chars().count() < 700);
        }
    }
}
