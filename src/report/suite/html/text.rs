//! Text and classes of the HTML page.

use std::fmt::{self, Write as _};

use crate::conformance::result::Standing;

/// Text that is no markup, in elements and in quoted attributes.
pub(super) struct Text<'t>(pub(super) &'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(c)?,
                // HTML has no place for them (HTML Living Standard, 13.2.3.5).
                c if c.is_control() => f.write_char(char::REPLACEMENT_CHARACTER)?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A standing as a class and as a value of the filter.
pub(super) fn class(standing: Standing) -> String {
    standing.name().replace(' ', "-")
}
