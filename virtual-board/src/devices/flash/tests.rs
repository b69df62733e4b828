use super::{
    option_control::{OPTCR, OPTERR, OPTICR, OPTION_KEYS, OPTISR, OPTKEYR, PG_OPT},
    *,
};

fn unlocked() -> (Flash, Wires) {
    let (mut flash, mut wires) = (Flash::new(), Wires::default());
    for key in KEYS {
        flash.write(KEYR, Width::Word, key, &mut wires).unwrap();
    }
    assert_eq!(flash.read(CR, Width::Word, &mut wires), Ok(0));
    (flash, wires)
}

fn control(flash: &mut Flash, wires: &mut Wires, value: u32) {
    flash.write(CR, Width::Word, value, wires).unwrap();
}

fn wait(flash: &mut Flash, wires: &mut Wires) -> u32 {
    if let Some(at) = flash.next_event() {
        wires.now = at;
    }
    assert_eq!(flash.read(SR, Width::Word, wires), Ok(0));
    flash.read(ISR, Width::Word, wires).unwrap()
}

/// As ST's HAL does: halves, then wait for QW.
fn program(flash: &mut Flash, wires: &mut Wires, offset: u32, value: u16) -> u32 {
    control(flash, wires, PG);
    for at in (offset..offset + WORD).step_by(2) {
        flash
            .write_memory(at, Width::Half, value.into(), wires)
            .unwrap();
    }
    wait(flash, wires)
}

#[test]
fn a_flash_word_is_programmed_when_it_is_full() {
    let (mut flash, mut wires) = unlocked();
    control(&mut flash, &mut wires, PG);
    flash
        .write_memory(0x20, Width::Word, 0x1122_3344, &mut wires)
        .unwrap();
    assert_eq!(flash.read(SR, Width::Word, &mut wires), Ok(WBNE));
    assert_eq!(
        flash.read_memory(0x20, Width::Word, &mut wires),
        Ok(u32::MAX)
    );
    for at in [0x24, 0x28, 0x2C] {
        flash.write_memory(at, Width::Word, at, &mut wires).unwrap();
    }
    assert_eq!(
        flash.read(SR, Width::Word, &mut wires),
        Ok(BUSY | QW | IS_PROGRAM)
    );
    assert_eq!(wait(&mut flash, &mut wires), EOP);
    assert_eq!(
        flash.read_memory(0x20, Width::Word, &mut wires),
        Ok(0x1122_3344)
    );
}

#[test]
fn force_write_programs_what_there_is() {
    let (mut flash, mut wires) = unlocked();
    control(&mut flash, &mut wires, PG);
    flash
        .write_memory(0x40, Width::Byte, 0x12, &mut wires)
        .unwrap();
    control(&mut flash, &mut wires, PG | FW);
    assert_eq!(wait(&mut flash, &mut wires), EOP);
    assert_eq!(
        flash.read_memory(0x40, Width::Word, &mut wires),
        Ok(0xFFFF_FF12)
    );
}

#[test]
fn programming_what_was_not_erased_breaks_its_ecc() {
    let (mut flash, mut wires) = unlocked();
    program(&mut flash, &mut wires, 0, 0x1234);
    program(&mut flash, &mut wires, 0, 0x1234);
    assert_eq!(
        flash.read_memory(0, Width::Half, &mut wires),
        Ok(0x1234),
        "same data, same ECC"
    );
    program(&mut flash, &mut wires, 0, 0x00FF);
    assert_eq!(
        flash.read_memory(0, Width::Half, &mut wires),
        Err(Refusal::Error)
    );
    assert_ne!(
        flash.read(ISR, Width::Word, &mut wires).unwrap() & DBECCERR,
        0
    );
    control(&mut flash, &mut wires, SER | START);
    wait(&mut flash, &mut wires);
    assert_eq!(flash.read_memory(0, Width::Half, &mut wires), Ok(0xFFFF));
}

#[test]
fn a_wrong_key_locks_until_reset() {
    let (mut flash, mut wires) = (Flash::new(), Wires::default());
    for key in [1, KEYS[0], KEYS[1]] {
        flash.write(KEYR, Width::Word, key, &mut wires).unwrap();
    }
    assert_eq!(flash.read(CR, Width::Word, &mut wires), Ok(LOCK));
    flash.reset(Reset::System, &mut wires);
    for key in KEYS {
        flash.write(KEYR, Width::Word, key, &mut wires).unwrap();
    }
    assert_eq!(flash.read(CR, Width::Word, &mut wires), Ok(0));
}

#[test]
fn sequence_strobe_and_inconsistency_are_told_apart() {
    let (mut flash, mut wires) = unlocked();
    flash.write_memory(0, Width::Word, 0, &mut wires).unwrap();
    assert_eq!(wait(&mut flash, &mut wires), PGSERR, "no PG");
    flash.write(ICR, Width::Word, ERRORS, &mut wires).unwrap();
    control(&mut flash, &mut wires, PG);
    flash.write_memory(0, Width::Word, 0, &mut wires).unwrap();
    flash.write_memory(0, Width::Word, 0, &mut wires).unwrap();
    assert_eq!(wait(&mut flash, &mut wires), STRBERR);
    flash.write(ICR, Width::Word, ERRORS, &mut wires).unwrap();
    flash.write_memory(0, Width::Word, 0, &mut wires).unwrap();
    flash.write_memory(16, Width::Word, 0, &mut wires).unwrap();
    assert_eq!(wait(&mut flash, &mut wires), INCERR);
    assert_eq!(flash.programmed_bytes(), 0);
}

#[test]
fn a_protected_sector_is_neither_erased_nor_programmed() {
    let (mut flash, mut wires) = unlocked();
    flash.options_mut().set(0x218, 0xFE);
    control(&mut flash, &mut wires, SER | START);
    assert_eq!(wait(&mut flash, &mut wires), WRPERR);
    flash.write(ICR, Width::Word, ERRORS, &mut wires).unwrap();
    assert_eq!(program(&mut flash, &mut wires, 0, 0), WRPERR);
    flash.write(ICR, Width::Word, ERRORS, &mut wires).unwrap();
    assert_eq!(program(&mut flash, &mut wires, SECTOR, 0), EOP);
}

/// Level 1 is where user code starts.
#[test]
fn the_hide_protected_area_is_gone_above_level_1() {
    let (mut flash, mut wires) = unlocked();
    // HDPSR: blocks of 256 bytes 0x10 to 0x1F.
    flash.options_mut().set(0x230, 0x001F_0010);
    wires.hide_level = 1;
    assert!(flash.read_memory(0x1000, Width::Word, &mut wires).is_ok());
    wires.hide_level = 2;
    assert_eq!(
        flash.read_memory(0x1000, Width::Word, &mut wires),
        Err(Refusal::Error)
    );
    assert_eq!(flash.read(ISR, Width::Word, &mut wires), Ok(RDSERR));
    for outside in [0x0FFC, 0x2000] {
        assert!(flash.read_memory(outside, Width::Word, &mut wires).is_ok());
    }
    control(&mut flash, &mut wires, SER | START);
    assert_eq!(wait(&mut flash, &mut wires) & ERRORS, WRPERR);
    flash.write(ICR, Width::Word, ERRORS, &mut wires).unwrap();
    control(&mut flash, &mut wires, 1 << 6 | SER | START);
    assert_eq!(wait(&mut flash, &mut wires) & (EOP | ERRORS), EOP);
}

#[test]
fn an_area_that_ends_where_it_starts_is_everything_and_one_that_ends_before_nothing() {
    let mut options = Options::default();
    assert!(!options.hides(0..SIZE), "as delivered");
    options.set(0x230, 0x0005_0005);
    assert!(options.hides(0xFF00..0xFF04));
    options.set(0x230, 0x0004_0005);
    assert!(!options.hides(0..SIZE));
}

fn option(flash: &mut Flash, wires: &mut Wires, writes: &[(u32, u32)]) {
    for (offset, value) in writes {
        flash.write(*offset, Width::Word, *value, wires).unwrap();
    }
}

/// As ST's HAL programs them: keys, PG_OPT, the word.
#[test]
fn option_bytes_change_when_they_are_programmed() {
    let (mut flash, mut wires) = (Flash::new(), Wires::default());
    assert_eq!(flash.options().product_state(), options::OPEN);
    let keys = OPTION_KEYS.map(|key| (OPTKEYR, key));
    option(&mut flash, &mut wires, &[(OPTCR, PG_OPT), (0x21C, 0x7F)]);
    assert_eq!(
        flash.read(0x218, Width::Word, &mut wires),
        Ok(0xFF),
        "locked"
    );
    option(&mut flash, &mut wires, &keys);
    option(&mut flash, &mut wires, &[(0x21C, 0x7F)]);
    assert_eq!(
        flash.read(0x218, Width::Word, &mut wires),
        Ok(0xFF),
        "PG_OPT is not set"
    );
    option(&mut flash, &mut wires, &[(OPTCR, PG_OPT), (0x21C, 0x7F)]);
    assert_eq!(
        flash.read(SR, Width::Word, &mut wires),
        Ok(BUSY | QW | IS_OPTION_CHANGE)
    );
    wait(&mut flash, &mut wires);
    assert_eq!(flash.read(0x218, Width::Word, &mut wires), Ok(0x7F));
    assert!(flash.options().is_write_protected(7));
}

#[test]
fn a_closed_product_does_not_open_by_option_bytes() {
    let (mut flash, mut wires) = (Flash::new(), Wires::default());
    option(
        &mut flash,
        &mut wires,
        &OPTION_KEYS.map(|key| (OPTKEYR, key)),
    );
    option(&mut flash, &mut wires, &[(OPTCR, PG_OPT), (0x204, 0x39)]);
    assert_eq!(
        flash.read(OPTISR, Width::Word, &mut wires),
        Ok(OPTERR),
        "no such state"
    );
    option(&mut flash, &mut wires, &[(OPTICR, OPTERR), (0x204, 0x51)]);
    assert_eq!(flash.options().product_state(), options::CLOSED);
    assert_eq!(flash.read(OPTISR, Width::Word, &mut wires), Ok(0));
    option(&mut flash, &mut wires, &[(0x204, 0xB4)]);
    assert_eq!(flash.options().product_state(), options::CLOSED);
    assert_eq!(flash.read(OPTISR, Width::Word, &mut wires), Ok(OPTERR));
}

fn lay(flash: &mut Flash, words: &str) {
    match words.parse() {
        Ok(mishap::Mishap::Operation { failing, occasion }) => {
            flash.ambushes_mut().lay(occasion, Blow::Failing(failing));
        }
        other => panic!("{other:?}"),
    }
}

fn word(flash: &mut Flash, wires: &mut Wires, offset: u32) -> Access<u32> {
    flash.read_memory(offset, Width::Word, wires)
}

#[test]
fn what_a_reset_interrupts_has_a_wrong_ecc_until_its_sector_is_erased() {
    let (mut flash, mut wires) = unlocked();
    flash.array_mut().store(0, &[0x11; SECTOR as usize]);
    control(&mut flash, &mut wires, SER | START);
    flash.reset(Reset::System, &mut wires);
    assert_eq!(word(&mut flash, &mut wires, 0), Ok(u32::MAX));
    assert_eq!(word(&mut flash, &mut wires, WORD), Err(Refusal::Error));
    assert_eq!(
        flash.array().broken_words().count() as u32,
        SECTOR / WORD / 2
    );
    for key in KEYS {
        flash.write(KEYR, Width::Word, key, &mut wires).unwrap();
    }
    control(&mut flash, &mut wires, SER | START);
    assert_eq!(wait(&mut flash, &mut wires), EOP | DBECCERR);
    assert_eq!(word(&mut flash, &mut wires, WORD), Ok(u32::MAX));
    assert_eq!(flash.array().broken_words().count(), 0);
}

#[test]
fn a_word_whose_programming_fails_cannot_be_read() {
    let (mut flash, mut wires) = unlocked();
    lay(&mut flash, "fail flash program 2");
    assert_eq!(program(&mut flash, &mut wires, 0, 0x1234), EOP);
    assert_eq!(program(&mut flash, &mut wires, WORD, 0x1234), EOP);
    assert_eq!(word(&mut flash, &mut wires, 0), Ok(0x1234_1234));
    assert_eq!(word(&mut flash, &mut wires, WORD), Err(Refusal::Error));
}

#[test]
fn a_flash_that_is_stuck_is_busy_until_the_reset() {
    let (mut flash, mut wires) = unlocked();
    lay(&mut flash, "busy flash erase 1");
    control(&mut flash, &mut wires, SER | START);
    wires.now = Time::millis(1_000);
    assert_eq!(flash.next_event(), None);
    assert_eq!(
        flash.read(SR, Width::Word, &mut wires),
        Ok(BUSY | QW | IS_ERASE)
    );
    control(&mut flash, &mut wires, PG);
    assert_eq!(
        flash.write_memory(0, Width::Word, 0, &mut wires),
        Err(Refusal::Stall),
        "it waits until the flash is ready"
    );
    flash.reset(Reset::System, &mut wires);
    assert_eq!(flash.read(SR, Width::Word, &mut wires), Ok(0));
}
