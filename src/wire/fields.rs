//! Fields of fixed length one after the other, as receipts and certificates have them.

use super::WireError;

/// A reader of fixed-length fields that names the field and the octet when one is missing.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    octets: &'a [u8],
    offset: usize,
}

impl<'a> Fields<'a> {
    /// Starts at the first octet.
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { octets, offset: 0 }
    }

    /// The next `N` octets, called `what` in the error.
    pub fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        let mut field = [0; N];
        field.copy_from_slice(self.slice(N, what)?);
        Ok(field)
    }

    /// The next `len` octets, called `what` in the error.
    pub fn slice(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], WireError> {
        let rest = &self.octets[self.offset..];
        let Some(field) = rest.get(..len) else {
            return Err(self.wrong(format!("{len} octets of {what}"), format!("{} octets", rest.len())));
        };
        self.offset += len;
        Ok(field)
    }

    /// The next octet.
    pub fn octet(&mut self, what: &'static str) -> Result<u8, WireError> {
        self.take::<1>(what).map(|[octet]| octet)
    }

    /// The next two octets, big-endian.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, WireError> {
        self.take(what).map(u16::from_be_bytes)
    }

    /// The next four octets, big-endian.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, WireError> {
        self.take(what).map(u32::from_be_bytes)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.octets[self.offset..];
        self.offset = self.octets.len();
        rest
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), WireError> {
        let left = self.octets.len() - self.offset;
        if left == 0 { Ok(()) } else { Err(self.wrong("the end".into(), format!("{left} more octets"))) }
    }

    /// An error at the octet that comes next.
    pub fn wrong(&self, expected: String, got: String) -> WireError {
        WireError::new(self.offset, expected, got)
    }
}
