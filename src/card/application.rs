//! What a family's virtual card implements.

use super::memory::{Memory, PowerLost};
use crate::wire::status::StatusWord;

/// A whole command for the application: chained parts are joined, lengths are checked.
#[derive(Debug, Clone, Copy)]
pub struct WholeCommand<'a> {
    /// Logical channel, 0 to 3.
    pub channel: u8,
    /// CLA INS P1 P2, the channel and chaining bits of CLA cleared.
    pub header: [u8; 4],
    /// Command data.
    pub data: &'a [u8],
}

/// The applications of one chip. [`Chip`](super::chip::Chip) does channels, SELECT, chaining and GET RESPONSE.
///
/// `Err(PowerLost)` makes the card mute until it is reset; whatever an application kept in volatile memory is then gone.
pub trait Application: Send {
    /// Power is back: volatile state is empty, interrupted commits are finished or dropped.
    fn power_up(&mut self, memory: &mut Memory) -> Result<(), PowerLost>;

    /// Whether SELECT with this AID finds an application.
    fn answers_to(&self, aid: &[u8]) -> bool;

    /// SELECT found it. The answer is appended to `answer`.
    fn select(&mut self, memory: &mut Memory, channel: u8, answer: &mut Vec<u8>) -> Result<StatusWord, PowerLost>;

    /// The channel was closed.
    fn close(&mut self, channel: u8);

    /// Whether the class is one of its own, channel and chaining bits cleared. Class `00` need not be asked for.
    fn knows_class(&self, cla: u8) -> bool;

    /// Instruction and P1-P2 of a command on a channel where it is selected, before its length is looked at.
    fn admit(&mut self, channel: u8, header: [u8; 4]) -> Result<(), StatusWord>;

    /// Whether this command may be chained.
    fn is_chainable(&self, header: [u8; 4]) -> bool;

    /// A command that it admitted will not come: its chain grew too long (6700).
    fn chain_too_long(&mut self, _header: [u8; 4]) {}

    /// One admitted command. Answer data is appended to `answer`.
    fn process(
        &mut self,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost>;

    /// See [`Card::delay_ms`](super::Card::delay_ms).
    fn delay_ms(&self) -> u32 {
        0
    }
}
