//! Which protocol the two pins speak: the selection sequences of a SWJ-DP (ADIv5.2 chapters B4 and B5).
//!
//! The host sends a bare bit stream. Fifty or more ones reset the SWD line; a 16-bit switch code after them selects JTAG or SWD; a
//! dormant port wakes by the 128-bit selection alert and an activation code. After a line reset the port answers nothing but a
//! read of DPIDR or a write of TARGETSEL. While JTAG is selected, nothing acknowledges on SWDIO.

/// Ones that make a line reset.
const LINE_RESET_ONES: u32 = 50;
/// Switch codes, in the order of transmission from bit 0 up (ADIv5.2 B5.2, B5.3).
const JTAG_TO_SWD: u16 = 0xE79E;
const SWD_TO_JTAG: u16 = 0xE73C;
const SWD_TO_DORMANT: u16 = 0xE3BC;
/// Last 31 bits of the recommended JTAG-to-dormant sequence.
const JTAG_TO_DORMANT: u32 = 0x33BB_BBBA;
/// The selection alert sequence (ADIv5.2 B5.3.4).
const SELECTION_ALERT: u128 = 0x19BC_0EA2_E3DD_AFE9_8685_2D95_6209_F392;
/// Four idle bits and the activation code of a SW-DP or a JTAG-DP.
const ACTIVATE_SWD: u16 = 0x1A0;
const ACTIVATE_JTAG: u16 = 0x0A0;
const ACTIVATION_BITS: u32 = 12;

/// What the port listens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// JTAG, the state after power-on.
    Jtag,
    /// Dormant; deaf to all but the selection alert.
    Dormant,
    /// SWD without a line reset since it was selected, or a protocol error since then.
    Unsynchronised,
    /// SWD after a line reset: only DPIDR or TARGETSEL.
    LineReset,
    /// SWD, every register.
    Selected,
    /// SWD, another target was chosen by TARGETSEL: silent until the next line reset.
    Deselected,
}

/// The state of the pins' protocol.
#[derive(Clone, Debug)]
pub struct Wire {
    selection: Selection,
    /// The last 128 bits, newest at the top.
    history: u128,
    /// Consecutive ones up to now.
    ones: u32,
    /// Bits since the line reset or the alert that a code may follow.
    since_mark: u32,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            selection: Selection::Jtag,
            history: 0,
            ones: 0,
            since_mark: u32::MAX,
        }
    }
}

impl Wire {
    /// What the port listens for.
    pub fn selection(&self) -> Selection {
        self.selection
    }

    /// True if the last bit of a sequence was a zero: the line is idle.
    pub fn is_low(&self) -> bool {
        self.ones == 0
    }

    /// The host read DPIDR or wrote a matching TARGETSEL after a line reset.
    pub fn synchronised(&mut self) {
        self.selection = Selection::Selected;
    }

    /// The host chose another target.
    pub fn deselect(&mut self) {
        self.selection = Selection::Deselected;
    }

    /// The host broke the protocol: silence until a line reset.
    pub fn lose_synchronisation(&mut self) {
        self.selection = Selection::Unsynchronised;
    }

    /// The newest `count` bits as a number whose bit 0 came first.
    fn newest(&self, count: u32) -> u128 {
        self.history >> (128 - count)
    }

    /// Takes a bit. True if it completed a line reset of the SWD port.
    pub fn clock(&mut self, bit: bool) -> bool {
        self.history = self.history >> 1 | u128::from(bit) << 127;
        self.since_mark = self.since_mark.saturating_add(1);
        self.ones = if bit { self.ones.saturating_add(1) } else { 0 };

        match self.selection {
            Selection::Dormant => {
                if self.history == SELECTION_ALERT {
                    self.since_mark = 0;
                } else if self.since_mark == ACTIVATION_BITS {
                    match self.newest(ACTIVATION_BITS) as u16 {
                        ACTIVATE_SWD => self.selection = Selection::Unsynchronised,
                        ACTIVATE_JTAG => self.selection = Selection::Jtag,
                        _ => {}
                    }
                }
                return false;
            }
            Selection::Jtag if self.newest(31) as u32 == JTAG_TO_DORMANT => {
                self.selection = Selection::Dormant;
                self.since_mark = u32::MAX;
                return false;
            }
            _ => {}
        }

        if self.ones >= LINE_RESET_ONES {
            self.since_mark = 0;
            if self.selection != Selection::Jtag {
                let reset = self.selection != Selection::LineReset;
                self.selection = Selection::LineReset;
                return reset;
            }
        } else if self.since_mark == 16 {
            match self.newest(16) as u16 {
                JTAG_TO_SWD if self.selection == Selection::Jtag => {
                    self.selection = Selection::Unsynchronised;
                }
                SWD_TO_JTAG => self.selection = Selection::Jtag,
                SWD_TO_DORMANT => {
                    self.selection = Selection::Dormant;
                    self.since_mark = u32::MAX;
                }
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONES: u64 = 0x0007_FFFF_FFFF_FFFF;

    impl Wire {
        fn sequence(&mut self, count: u8, bits: u64) -> bool {
            let mut reset = false;
            for index in 0..count {
                reset |= self.clock(bits >> index & 1 == 1);
            }
            reset
        }
    }

    #[test]
    fn the_port_wakes_in_jtag_and_switches() {
        let mut wire = Wire::default();
        assert!(!wire.sequence(51, ONES));
        assert_eq!(wire.selection(), Selection::Jtag);
        wire.sequence(16, u64::from(JTAG_TO_SWD));
        assert_eq!(wire.selection(), Selection::Unsynchronised);
        assert!(wire.sequence(54, ONES));
        assert_eq!(wire.selection(), Selection::LineReset);
        wire.sequence(51, ONES);
        wire.sequence(16, u64::from(SWD_TO_JTAG));
        assert_eq!(wire.selection(), Selection::Jtag);
    }

    #[test]
    fn the_switch_code_is_harmless_in_swd() {
        let mut wire = Wire::default();
        for _ in 0..2 {
            wire.sequence(51, ONES);
            wire.sequence(16, u64::from(JTAG_TO_SWD));
            wire.sequence(54, ONES);
            wire.synchronised();
            assert_eq!(wire.selection(), Selection::Selected);
        }
    }

    #[test]
    fn a_dormant_port_needs_the_whole_alert() {
        let mut wire = Wire::default();
        wire.sequence(31, u64::from(JTAG_TO_DORMANT));
        assert_eq!(wire.selection(), Selection::Dormant);
        wire.sequence(54, ONES);
        wire.sequence(12, u64::from(ACTIVATE_SWD));
        assert_eq!(wire.selection(), Selection::Dormant);
        wire.sequence(8, 0xFF);
        wire.sequence(64, SELECTION_ALERT as u64);
        wire.sequence(64, (SELECTION_ALERT >> 64) as u64);
        wire.sequence(12, u64::from(ACTIVATE_SWD));
        assert_eq!(wire.selection(), Selection::Unsynchronised);
    }
}
