//! Deliberate defects: each layer lists its own, one may be switched on by name, none is on unless somebody asks.
//!
//! They are what the conformance suite is measured by. They are built around what is right, not into it (CONTRIBUTING.md, "Deliberate
//! defects").

/// What a list says about one defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// By which it is switched on.
    pub name: &'static str,
    /// Money or authentication is at stake.
    pub critical: bool,
    /// What is wrong, in a sentence.
    pub text: &'static str,
}

/// Makes an enum of defects: variants with name, whether money or authentication is at stake, and a sentence.
///
/// ```
/// untorn::defects! {
///     /// What is wrong with a toy on purpose.
///     pub enum ToyDefect {
///         EchoReversed => ("echo-reversed", false, "ECHO answers the octets backwards."),
///     }
/// }
/// assert_eq!(ToyDefect::by_name("echo-reversed"), Some(ToyDefect::EchoReversed));
/// assert_eq!(ToyDefect::ALL[0].1.text, "ECHO answers the octets backwards.");
/// ```
#[macro_export]
macro_rules! defects {
    ($(#[$meta:meta])* $visibility:vis enum $Name:ident { $($Variant:ident => ($name:literal, $critical:literal, $text:literal),)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $Name {
            $(#[doc = $text] $Variant,)*
        }

        impl $Name {
            /// All of them, with their descriptions.
            $visibility const ALL: &'static [(Self, $crate::defect::Description)] = &[
                $((Self::$Variant, $crate::defect::Description { name: $name, critical: $critical, text: $text }),)*
            ];

            /// The defect with this name.
            $visibility fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, description)| description.name == name).map(|(defect, _)| *defect)
            }
        }
    };
}
pub use defects;
