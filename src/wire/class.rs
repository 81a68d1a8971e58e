//! The class octet CLA (ISO/IEC 7816-4:2020, 5.4.1).

/// A class octet. Any value is one; the methods say what its bits mean.
///
/// ```
/// use untorn::wire::class::{Class, SecureMessaging};
/// assert_eq!(Class(0x0C).secure_messaging(), SecureMessaging::HeaderAuthenticated);
/// assert_eq!(Class(0x4F).channel(), Some(19));
/// assert!(Class(0x10).chaining());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Class(pub u8);

/// The ranges of class octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range {
    /// `00` to `1F`: channels 0 to 3 (ISO/IEC 7816-4:2020, table 2).
    First,
    /// `40` to `7F`: channels 4 to 19 (ISO/IEC 7816-4:2020, table 3).
    Further,
    /// `20` to `3F`: reserved.
    Reserved,
    /// `80` to `FE`. [`Class`] reads `80` to `9F` by the layout of the first range, which GlobalPlatform (Card Specification
    /// 2.3.1, 11.1.4) and our own cards follow. Whoever gives these bits another meaning (DESFire's `90`) does not ask.
    Proprietary,
    /// `FF`, which ISO/IEC 7816-3 keeps for protocol and parameters selection.
    Invalid,
}

/// What the class octet says of secure messaging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecureMessaging {
    /// None, or no indication.
    None,
    /// In a proprietary format; GlobalPlatform's secure channels in `84`.
    Proprietary,
    /// By ISO/IEC 7816-4:2020, clause 10; the command header is not under the checksum (or, in the further range, may be).
    Standard,
    /// By ISO/IEC 7816-4:2020, clause 10, with the command header under the checksum.
    HeaderAuthenticated,
}

impl Class {
    /// The bit of command chaining: more commands of this chain follow.
    pub const CHAINING: u8 = 0x10;

    /// Which range it lies in.
    pub const fn range(self) -> Range {
        match self.0 {
            0x00..=0x1F => Range::First,
            0x20..=0x3F => Range::Reserved,
            0x40..=0x7F => Range::Further,
            0x80..=0xFE => Range::Proprietary,
            0xFF => Range::Invalid,
        }
    }

    /// Logical channel, 0 to 19; `None` where the octet has no such field: reserved, invalid, `A0` to `FE`.
    pub const fn channel(self) -> Option<u8> {
        if self.has_first_layout() {
            Some(self.0 & 0x03)
        } else if matches!(self.range(), Range::Further) {
            Some(4 + (self.0 & 0x0F))
        } else {
            None
        }
    }

    /// Whether more commands of a chain follow; `false` where the octet has no such bit.
    pub const fn chaining(self) -> bool {
        self.has_layout() && self.0 & Self::CHAINING != 0
    }

    /// Secure messaging; `None` where the octet has no such field.
    pub const fn secure_messaging(self) -> SecureMessaging {
        if self.has_first_layout() {
            match (self.0 >> 2) & 0x03 {
                0 => SecureMessaging::None,
                1 => SecureMessaging::Proprietary,
                2 => SecureMessaging::Standard,
                _ => SecureMessaging::HeaderAuthenticated,
            }
        } else if matches!(self.range(), Range::Further) && self.0 & 0x20 != 0 {
            SecureMessaging::Standard
        } else {
            SecureMessaging::None
        }
    }

    /// The same with the chaining bit set or cleared; unchanged where the octet has no such bit.
    #[must_use]
    pub const fn with_chaining(self, more: bool) -> Self {
        match (self.has_layout(), more) {
            (false, _) => self,
            (true, true) => Self(self.0 | Self::CHAINING),
            (true, false) => Self(self.0 & !Self::CHAINING),
        }
    }

    const fn has_first_layout(self) -> bool {
        matches!(self.0, 0x00..=0x1F | 0x80..=0x9F)
    }

    const fn has_layout(self) -> bool {
        self.has_first_layout() || matches!(self.range(), Range::Further)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_tables_2_and_3() {
        for (cla, range, channel, chaining, secure_messaging) in [
            (0x00, Range::First, Some(0), false, SecureMessaging::None),
            (0x03, Range::First, Some(3), false, SecureMessaging::None),
            (0x04, Range::First, Some(0), false, SecureMessaging::Proprietary),
            (0x08, Range::First, Some(0), false, SecureMessaging::Standard),
            (0x1F, Range::First, Some(3), true, SecureMessaging::HeaderAuthenticated),
            (0x20, Range::Reserved, None, false, SecureMessaging::None),
            (0x3F, Range::Reserved, None, false, SecureMessaging::None),
            (0x40, Range::Further, Some(4), false, SecureMessaging::None),
            (0x4F, Range::Further, Some(19), false, SecureMessaging::None),
            (0x60, Range::Further, Some(4), false, SecureMessaging::Standard),
            (0x7A, Range::Further, Some(14), true, SecureMessaging::Standard),
            (0x80, Range::Proprietary, Some(0), false, SecureMessaging::None),
            (0x84, Range::Proprietary, Some(0), false, SecureMessaging::Proprietary),
            (0x9E, Range::Proprietary, Some(2), true, SecureMessaging::HeaderAuthenticated),
            (0xA0, Range::Proprietary, None, false, SecureMessaging::None),
            (0xFE, Range::Proprietary, None, false, SecureMessaging::None),
            (0xFF, Range::Invalid, None, false, SecureMessaging::None),
        ] {
            let class = Class(cla);
            assert_eq!(
                (class.range(), class.channel(), class.chaining(), class.secure_messaging()),
                (range, channel, chaining, secure_messaging),
                "{cla:02X}"
            );
        }
    }

    #[test]
    fn the_chaining_bit_touches_nothing_else() {
        for class in (0..=u8::MAX).map(Class) {
            let more = class.with_chaining(true);
            assert_eq!(more.with_chaining(class.chaining()), class, "{class:?}");
            assert_eq!((more.channel(), more.secure_messaging()), (class.channel(), class.secure_messaging()));
        }
    }
}
