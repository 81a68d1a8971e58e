//! Defects of the purse's terminal side: what it believes of a card, and what it orders.

crate::defect::defects! {
    /// A deliberate defect of the kernel or its security module.
    pub enum KernelDefect {
        AnswerMacNotVerified => ("answer-mac-not-verified", true, "The R-MAC of answers is not verified."),
        MissingAnswerMacAccepted => ("missing-answer-mac-accepted", true, "A status word without R-MAC is believed."),
        PlainSuccessIsPaid => ("plain-success-is-paid", true, "A bare 9000 to the order proves that it happened."),
        WarningIsPaid => ("warning-is-paid", true, "61xx, 62xx and 63xx without R-MAC count as success."),
        CardTagNotVerified => ("card-tag-not-verified", true, "The card's cryptogram is not verified."),
        CardTagTruncated => ("card-tag-truncated", true, "Only the first octet of the card's cryptogram is compared."),
        ReflectionAccepted => ("reflection-accepted", true, "The terminal's own cryptogram is taken for the card's."),
        RecoverySkipsAuthentication => ("recovery-skips-authentication", true, "When a card comes again its cryptogram is not verified."),
        CertificateNotVerified => ("certificate-not-verified", true, "The signature of the card's certificate is not verified."),
        CertificateRoleNotChecked => ("certificate-role-not-checked", true, "A terminal's certificate is taken for a card's."),
        CertificateValidityNotChecked => ("certificate-validity-not-checked", false, "An expired certificate of a card is taken."),
        CounterAloneProves => ("counter-alone-proves", true, "A counter that went on proves the order, whoever made it go on."),
        LinkIgnored => ("link-ignored", true, "The old counter disproves an order although the card has another history."),
        OlderCounterDisproves => ("older-counter-disproves", true, "A counter that went back disproves an order."),
        ForgottenIsNotPaid => ("forgotten-is-not-paid", true, "A receipt that the card has no more disproves the order."),
        MinorUnitsTwice => ("minor-units-twice", true, "Minor units are made of an amount that is in minor units."),
        AmountReversed => ("amount-reversed", true, "The octets of the amount are in the wrong order."),
        CurrencyNotChecked => ("currency-not-checked", true, "The card's currency is not compared with the order's."),
    }
}
