//! Where a person is in a list or text.

use std::cell::Cell;

use super::keys::KeyCommand;

/// Lines that a page key moves.
const PAGE: usize = 10;

/// A position in a list or text; drawing knows the length and brings it back into bounds.
#[derive(Debug, Default)]
pub struct Position(Cell<usize>);

impl Position {
    /// The position, at most `max` from now on.
    pub fn at_most(&self, max: usize) -> usize {
        self.0.set(self.0.get().min(max));
        self.0.get()
    }

    pub(super) fn set(&self, value: usize) {
        self.0.set(value);
    }

    pub(super) fn step(&self, command: KeyCommand) {
        let now = self.0.get();
        self.0.set(match command {
            KeyCommand::Up => now.saturating_sub(1),
            KeyCommand::Down => now.saturating_add(1),
            KeyCommand::PageUp => now.saturating_sub(PAGE),
            KeyCommand::PageDown => now.saturating_add(PAGE),
            KeyCommand::First => 0,
            KeyCommand::Last => usize::MAX,
            _ => now,
        });
    }
}
