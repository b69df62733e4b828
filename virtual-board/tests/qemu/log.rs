//! What the program wrote down: scenarios, and in each the words it saw, by name (firmware/oracle/src/log.rs).

const NEW_SCENARIO: u32 = 1 << 31;

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub name: String,
    pub value: u32,
}

/// What one scenario saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    pub name: String,
    pub notes: Vec<Note>,
}

/// Reads a log of records of three words; names lie in `code`, which begins at address 0.
pub fn parse(bytes: &[u8], code: &[u8]) -> Vec<Scenario> {
    assert_eq!(bytes.len() % 12, 0, "whole records");
    let words: Vec<u32> = bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    let mut scenarios: Vec<Scenario> = Vec::new();
    for record in words.chunks_exact(3) {
        let (start, length) = (record[0] as usize, (record[1] & !NEW_SCENARIO) as usize);
        let text = code
            .get(start..start + length)
            .unwrap_or_else(|| panic!("a name at {start:#x}, {length} bytes"));
        let name = String::from_utf8_lossy(text).into_owned();
        if record[1] & NEW_SCENARIO != 0 {
            let notes = Vec::new();
            scenarios.push(Scenario { name, notes });
        } else {
            let scenario = scenarios.last_mut().expect("a scenario comes first");
            let value = record[2];
            scenario.notes.push(Note { name, value });
        }
    }
    scenarios
}
