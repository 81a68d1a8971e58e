//! Letters three lines high, for what must be read across a counter.

/// Lines that a big word takes.
pub const HEIGHT: u16 = 3;

/// A letter: five rows of dots, two rows to a line of half blocks.
type Glyph = (char, [&'static str; 5]);

#[rustfmt::skip]
const GLYPHS: &[Glyph] = &[
    ('0', [".##.", "#..#", "#..#", "#..#", ".##."]), ('1', [".#.", "##.", ".#.", ".#.", "###"]),
    ('2', ["###.", "...#", ".##.", "#...", "####"]), ('3', ["###.", "...#", ".##.", "...#", "###."]),
    ('4', ["#..#", "#..#", "####", "...#", "...#"]), ('5', ["####", "#...", "###.", "...#", "###."]),
    ('6', [".##.", "#...", "###.", "#..#", ".##."]), ('7', ["####", "...#", "..#.", ".#..", ".#.."]),
    ('8', [".##.", "#..#", ".##.", "#..#", ".##."]), ('9', [".##.", "#..#", ".###", "...#", ".##."]),
    ('A', [".##.", "#..#", "####", "#..#", "#..#"]), ('B', ["###.", "#..#", "###.", "#..#", "###."]),
    ('C', [".###", "#...", "#...", "#...", ".###"]), ('D', ["###.", "#..#", "#..#", "#..#", "###."]),
    ('E', ["####", "#...", "###.", "#...", "####"]), ('F', ["####", "#...", "###.", "#...", "#..."]),
    ('G', [".###", "#...", "#.##", "#..#", ".###"]), ('H', ["#..#", "#..#", "####", "#..#", "#..#"]),
    ('I', ["###", ".#.", ".#.", ".#.", "###"]),      ('J', ["..##", "...#", "...#", "#..#", ".##."]),
    ('K', ["#..#", "#.#.", "##..", "#.#.", "#..#"]), ('L', ["#...", "#...", "#...", "#...", "####"]),
    ('M', ["#...#", "##.##", "#.#.#", "#...#", "#...#"]), ('N', ["#..#", "##.#", "#.##", "#..#", "#..#"]),
    ('O', [".##.", "#..#", "#..#", "#..#", ".##."]), ('P', ["###.", "#..#", "###.", "#...", "#..."]),
    ('Q', [".##.", "#..#", "#..#", "#.#.", ".#.#"]), ('R', ["###.", "#..#", "###.", "#.#.", "#..#"]),
    ('S', [".###", "#...", ".##.", "...#", "###."]), ('T', ["###", ".#.", ".#.", ".#.", ".#."]),
    ('U', ["#..#", "#..#", "#..#", "#..#", ".##."]), ('V', ["#.#", "#.#", "#.#", "#.#", ".#."]),
    ('W', ["#...#", "#...#", "#.#.#", "##.##", "#...#"]), ('X', ["#.#", "#.#", ".#.", "#.#", "#.#"]),
    ('Y', ["#.#", "#.#", ".#.", ".#.", ".#."]),      ('Z', ["####", "..#.", ".#..", "#...", "####"]),
    ('.', [".", ".", ".", ".", "#"]),                ('-', ["...", "...", "###", "...", "..."]),
    (',', ["..", "..", "..", ".#", "#."]),           (' ', ["..", "..", "..", "..", ".."]),
];

/// The text in big letters, as wide as its first line; `None` where a letter is missing or `width` is too small.
pub fn big(text: &str, width: u16) -> Option<[String; HEIGHT as usize]> {
    let mut lines = [const { String::new() }; HEIGHT as usize];
    for letter in text.chars() {
        let (_, rows) = GLYPHS.iter().find(|(known, _)| *known == letter)?;
        for (index, line) in lines.iter_mut().enumerate() {
            let below = rows.get(2 * index + 1).copied().unwrap_or("");
            let dots = rows[2 * index].chars().zip(below.chars().chain(std::iter::repeat('.')));
            line.extend(dots.map(half_block));
            line.push(' ');
        }
    }
    (lines[0].chars().count() <= usize::from(width)).then_some(lines)
}

const fn half_block((above, below): (char, char)) -> char {
    match (above, below) {
        ('#', '#') => '█',
        ('#', _) => '▀',
        (_, '#') => '▄',
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_five_rows_of_one_width() {
        for (letter, rows) in GLYPHS {
            assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{letter}");
        }
    }

    #[test]
    fn a_word_is_drawn_or_left_out_whole() {
        let [top, middle, bottom] = big("L1", 80).unwrap();
        assert_eq!((top.as_str(), middle.as_str(), bottom.as_str()), ("█    ▄█  ", "█     █  ", "▀▀▀▀ ▀▀▀ "));
        assert_eq!(big("L1", 8), None);
        assert_eq!(big("é", 80), None);
    }
}
