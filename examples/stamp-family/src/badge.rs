//! The least that a family can be: a card with one number, a statement and a case. It takes no orders, and nothing tears it.

use std::sync::Arc;

use untorn::card::application::{Application, WholeCommand};
use untorn::card::chip::Chip;
use untorn::card::memory::{Memory, PowerLost};
use untorn::conformance::case::Case;
use untorn::conformance::requirement::Catalogue;
use untorn::conformance::statement::Statement;
use untorn::entropy::Entropy;
use untorn::family::Family;
use untorn::family::error::FamilyError;
use untorn::family::profile::{Profile, Row, Section, Sheet, ShownApplication, VirtualCard};
use untorn::wire::hex;
use untorn::wire::status::StatusWord;

/// Name of family, suite and of the one profile.
pub const NAME: &str = "badge";

const AID: &[u8] = b"\xF0BADGE";
/// GET the number.
const READ: [u8; 4] = [0x80, 0xCA, 0x00, 0x00];
const NUMBER_LEN: usize = 4;

/// The family of badges.
pub struct Badges;

impl Family for Badges {
    fn name(&self) -> &'static str {
        NAME
    }

    fn profiles(&self) -> Vec<&'static str> {
        vec![NAME]
    }

    fn profile(&self, name: &str) -> Result<Arc<dyn Profile>, FamilyError> {
        if name == NAME {
            Ok(Arc::new(Badge))
        } else {
            Err(FamilyError::NoProfile { known: vec![NAME], got: name.to_owned() })
        }
    }

    fn cases(&self) -> Vec<Case> {
        let case = Case::new("BADGE-READ-001", "The number is four octets, the same each time.");
        vec![case.proves(&["REQ-BADGE-1"]).body(|tester| {
            let select = [&[0x00, 0xA4, 0x04, 0x00, AID.len() as u8], AID, &[0x00]].concat();
            let selected = tester.send(&select)?;
            tester.expect_status(&selected, 0x9000)?;
            let read = [&READ[..], &[0x00]].concat();
            let (first, second) = (tester.send(&read)?, tester.send(&read)?);
            tester.expect_status(&first, 0x9000)?;
            tester.check_equal("octets", &NUMBER_LEN, &first.data.len())?;
            tester.check_equal("the second answer", &first.data, &second.data)
        })]
    }

    fn requirements(&self) -> Result<Catalogue, FamilyError> {
        Catalogue::parse(include_str!("../badge.toml")).map_err(FamilyError::BuiltIn)
    }
}

/// A badge.
struct Badge;

impl Profile for Badge {
    fn name(&self) -> &str {
        NAME
    }

    fn statement(&self) -> Statement {
        let statement = Statement { name: NAME.to_owned(), ..Statement::default() };
        let claims = [NAME, "iso7816_4", "iso7816_4.read"];
        let statement = claims.iter().fold(statement, |statement, claim| statement.claim(claim));
        statement.text("iso7816_4.aid", &hex::encode(AID)).text("iso7816_4.read_command", &hex::encode(&READ))
    }

    fn fresh(&self, mut entropy: Box<dyn Entropy>, mutant: Option<&str>) -> Result<Box<dyn VirtualCard>, FamilyError> {
        if let Some(name) = mutant {
            return Err(FamilyError::NoMutant { family: NAME, got: name.to_owned() });
        }
        let mut image = vec![0; NUMBER_LEN];
        entropy.fill(&mut image);
        self.restore(image, entropy)
    }

    fn restore(&self, image: Vec<u8>, _entropy: Box<dyn Entropy>) -> Result<Box<dyn VirtualCard>, FamilyError> {
        if image.len() != NUMBER_LEN {
            return Err(FamilyError::Image(format!("expected {NUMBER_LEN} octets of a badge, got {}", image.len())));
        }
        Ok(Box::new(Chip::new(BadgeApplication, Memory::from_image(image))))
    }
}

/// The application of the chip.
struct BadgeApplication;

impl Application for BadgeApplication {
    fn power_up(&mut self, _: &mut Memory) -> Result<(), PowerLost> {
        Ok(())
    }

    fn answers_to(&self, aid: &[u8]) -> bool {
        aid == AID
    }

    fn select(&mut self, _: &mut Memory, _channel: u8, _: &mut Vec<u8>) -> Result<StatusWord, PowerLost> {
        Ok(StatusWord::OK)
    }

    fn close(&mut self, _channel: u8) {}

    fn knows_class(&self, cla: u8) -> bool {
        cla == READ[0]
    }

    fn admit(&mut self, _channel: u8, header: [u8; 4]) -> Result<(), StatusWord> {
        match header {
            READ => Ok(()),
            [cla, ins, ..] if [cla, ins] == READ[..2] => Err(StatusWord::WRONG_P1P2),
            _ => Err(StatusWord::INS_NOT_SUPPORTED),
        }
    }

    fn is_chainable(&self, _header: [u8; 4]) -> bool {
        false
    }

    fn process(
        &mut self,
        memory: &mut Memory,
        request: &WholeCommand<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<StatusWord, PowerLost> {
        if !request.data.is_empty() {
            return Ok(StatusWord::WRONG_LENGTH);
        }
        answer.extend(memory.read(0, NUMBER_LEN)?);
        Ok(StatusWord::OK)
    }
}

impl ShownApplication for BadgeApplication {
    fn sheet(&self, memory: &Memory) -> Sheet {
        let number = hex::encode(memory.image());
        let json = serde_json::json!({ "number": number });
        Sheet { sections: vec![Section { title: "Badge".to_owned(), rows: vec![Row::new("number", number)] }], json }
    }
}
