//! Defects of a chip: class, instruction, length, chaining, long answers, channels, selection.

crate::defect::defects! {
    /// A deliberate defect of the chip's operating system.
    pub enum ChipDefect {
        UnknownInstructionAccepted => ("unknown-instruction-accepted", false, "An unknown instruction answers 9000."),
    }
}
