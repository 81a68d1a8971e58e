//! The line of a terminal in which a bar is drawn. It goes away without remains also where the window has become narrower meanwhile and
//! broken it into several; indicatif's own fills the line to its end, and a narrower window then keeps a piece of each.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::TermLike;

use crate::tui::window::size;

/// Columns left free at the end: for `^C`, which the terminal itself writes there.
const FREE_COLUMNS: u16 = 3;
/// The standard error's last line.
#[derive(Debug, Default)]
pub(super) struct ProgressLine {
    /// Columns that are written on.
    used: AtomicUsize,
}

/// Lines above the last one into which a terminal of `width` columns breaks `used` of them.
const fn lines_above(used: usize, width: u16) -> usize {
    if used == 0 || width == 0 { 0 } else { (used - 1) / width as usize }
}

impl TermLike for ProgressLine {
    fn width(&self) -> u16 {
        size().0.saturating_sub(FREE_COLUMNS).max(1)
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        if n == 0 { Ok(()) } else { write!(io::stderr(), "\x1b[{n}A") }
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        if n == 0 { Ok(()) } else { write!(io::stderr(), "\x1b[{n}B") }
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        if n == 0 { Ok(()) } else { write!(io::stderr(), "\x1b[{n}C") }
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        if n == 0 { Ok(()) } else { write!(io::stderr(), "\x1b[{n}D") }
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.used.store(0, Ordering::Relaxed);
        writeln!(io::stderr(), "{text}")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        // What only fills the line to its end.
        if text.trim().is_empty() {
            return Ok(());
        }
        self.used.fetch_add(text.chars().count(), Ordering::Relaxed);
        write!(io::stderr(), "{text}")
    }

    fn clear_line(&self) -> io::Result<()> {
        self.move_cursor_up(lines_above(self.used.swap(0, Ordering::Relaxed), size().0))?;
        write!(io::stderr(), "\r\x1b[J")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::lines_above;

    #[test]
    fn a_narrower_window_has_more_lines_to_clear() {
        for (used, width, above) in [(0, 80, 0), (77, 80, 0), (80, 80, 0), (81, 80, 1), (77, 40, 1), (77, 20, 3)] {
            assert_eq!(lines_above(used, width), above, "{used} columns at {width}");
        }
    }
}
