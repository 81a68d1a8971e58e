//! Sixteen colours at most, one accent, and none at all where NO_COLOR asks for that; every state also stands in words.

use ratatui::style::{Color, Modifier, Style};

use crate::report::plain::Charset;

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Whether colours may be used.
    pub colour: bool,
    /// What the terminal can show.
    pub charset: Charset,
}

impl Theme {
    /// By the convention of no-color.org: any value but an empty one turns colours off.
    pub fn from_environment() -> Self {
        Self {
            colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            charset: Charset::from_environment(),
        }
    }

    fn coloured(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// What the eye should find: keys, the focus.
    pub fn accent(self) -> Style {
        self.coloured(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// The line or tab that is chosen.
    pub fn chosen(self) -> Style {
        self.accent().add_modifier(Modifier::REVERSED)
    }

    /// It happened.
    pub fn good(self) -> Style {
        self.coloured(Color::Green).add_modifier(Modifier::BOLD)
    }

    /// It did not, or something is broken.
    pub fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Nobody knows yet.
    pub fn unknown(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// What is read second.
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What is read first.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
}
