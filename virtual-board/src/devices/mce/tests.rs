use super::*;

/// REGCR: block cipher, fast block cipher; a context.
const BLOCK: u32 = 2 << 14;
const STREAM: u32 = 1 << 14;
const CONTEXT_1: u32 = 1 << 9;
const REGION_1: u32 = 0x40;

struct Bench(Mce, Wires);

impl Bench {
    fn new(number: u8) -> Self {
        Self(Mce::new(number), Wires::default())
    }

    fn write(&mut self, writes: &[(u32, u32)]) {
        for (offset, value) in writes {
            self.0
                .write(*offset, Width::Word, *value, &mut self.1)
                .unwrap();
        }
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.0.read(offset, Width::Word, &mut self.1).unwrap()
    }

    fn key(&mut self, offset: u32) {
        self.write(&[0, 1, 2, 3].map(|word| (offset + 4 * word, 0x1111_1111 * (word + 1))));
    }

    /// Region 1 from 0x9000_1000 to 0x9000_2FFF.
    fn region(&mut self, control: u32) {
        let region = [(0x44, 0x9000_1000), (0x48, 0x9000_2FFF), (0x4C, WREN)];
        self.write(&region);
        self.write(&[(REGION_1, control | BREN)]);
    }

    fn is_ciphered(&self, offset: u32) -> bool {
        matches!(self.0.passage(offset, false), Passage::Ciphered(_))
    }
}

#[test]
fn a_region_is_ciphered_from_its_first_page_to_its_last_while_the_key_is_there() {
    let mut bench = Bench::new(2);
    bench.region(BLOCK);
    assert!(!bench.is_ciphered(0x1000), "no key");
    bench.key(0x200);
    assert_eq!(bench.read(SR), MKVALID);
    assert!(bench.is_ciphered(0x1000) && bench.is_ciphered(0x2FFF));
    assert!(!bench.is_ciphered(0x0FFF) && !bench.is_ciphered(0x3000));
    assert_eq!(bench.read(0x200), 0, "keys are not readable");
    assert_eq!((bench.read(0x44), bench.read(0x48)), (0x1000, 0x2FFF));
    bench.write(&[(0x200, 0)]);
    assert_eq!(bench.read(SR), 0, "a new first word makes the key void");
}

#[test]
fn a_context_ciphers_while_it_is_enabled() {
    let mut bench = Bench::new(1);
    bench.key(0x24C);
    bench.region(STREAM | CONTEXT_1);
    assert!(!bench.is_ciphered(0x1000));
    bench.write(&[(0x240, CCEN)]);
    assert!(bench.is_ciphered(0x1000));
    bench.write(&[(0x240, 0)]);
    assert!(!bench.is_ciphered(0x1000));
    // MCE2 has neither streams nor contexts.
    let mut bench = Bench::new(2);
    bench.key(0x200);
    bench.region(STREAM);
    assert!(!bench.is_ciphered(0x1000));
    assert!(bench.0.read(0x240, Width::Word, &mut bench.1).is_err());
}

#[test]
fn locks_hold_until_reset() {
    let mut bench = Bench::new(1);
    bench.write(&[(0x240, CCLOCK), (0x244, 7), (0x240, CCEN)]);
    assert_eq!(bench.read(0x240), CCLOCK | KEYLOCK);
    assert_eq!(bench.read(0x244), 0);
    bench.write(&[(CR, MKLOCK)]);
    bench.key(0x200);
    assert_eq!(bench.read(SR), 0);
    bench.write(&[(CR, GLOCK), (0x44, 0x5000), (IAIER, IAEF)]);
    assert_eq!(bench.read(0x44), 0);
    assert_eq!(bench.read(IAIER), IAEF, "but for the interrupt");
    bench.0.reset(Reset::System, &mut bench.1);
    assert_eq!(bench.read(CR), 0);
}

#[test]
fn a_region_is_set_up_while_it_is_off() {
    let mut bench = Bench::new(2);
    bench.write(&[(0x44, 0x2000), (0x48, 0x1000), (REGION_1, BREN)]);
    assert_eq!(bench.read(REGION_1), 0, "it ends before it starts");
    assert_eq!(bench.1.cipher_engines, 0);
    bench.region(BLOCK);
    bench.write(&[(REGION_1, BREN)]);
    assert_eq!(bench.read(REGION_1), BLOCK | BREN);
    assert_eq!(bench.1.cipher_engines, 0b10);
    bench.write(&[(REGION_1, 0)]);
    assert_eq!(bench.1.cipher_engines, 0);
}

#[test]
fn blocks_are_written_whole_and_what_is_read_only_is_not() {
    let mut bench = Bench::new(1);
    bench.write(&[(IAIER, IAEF)]);
    let Bench(mce, wires) = &mut bench;
    for place in [0, 4, 8] {
        assert_eq!(
            mce.collect(0x9000_1000 + place, Width::Word, place, wires),
            None
        );
    }
    let full = mce.collect(0x9000_100C, Width::Word, 12, wires);
    assert_eq!(full, Some([0, 4, 8, 12]));
    assert_eq!(wires.irq[1], 0);
    mce.collect(0x9000_1010, Width::Byte, 1, wires);
    mce.collect(0x9000_1020, Width::Word, 1, wires);
    assert_eq!(wires.irq[1], 1 << (IRQ - 64));
    assert_eq!(bench.read(IADDR), 0x9000_1010);
    assert_eq!(bench.read(IAESR), WRITE | PRIVILEGED);
    bench.region(BLOCK);
    bench.write(&[(0x4C, 0)]);
    assert_eq!(bench.0.passage(0x1000, true), Passage::ReadOnly);
    assert_eq!(bench.0.passage(0x1000, false), Passage::Plain);
}
