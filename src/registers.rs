//! Registers of the chip that the server reads or writes, one file a block, each declared once by `register!`.
//!
//! A register says its name, its block, its offset, its fields and the manual that defines it. RM0477 is the STM32H7Rx/7Sx
//! reference manual, ARM ARM is DDI 0403E (ARMv7-M), TRM is DDI 0489 (Cortex-M7).
//!
//! Blocks are types, so that a register of one peripheral cannot be looked for at the base of another:
//!
//! ```
//! use xspi_gdb::registers::{Register, debug::{Dhcsr, SCS}};
//!
//! let dhcsr = Dhcsr::from_bits(0x0003_0003);
//! assert!(dhcsr.halted());
//! assert_eq!(Dhcsr::at(SCS).to_string(), "0xe000edf0");
//! assert_eq!(Dhcsr::default().with_step_requested(true).bits(), 4);
//! ```

pub mod dbgmcu;
pub mod debug;
pub mod dwt;
pub mod flash;
pub mod fpb;
pub mod iwdg;
pub mod mce;
pub mod mpu;
pub mod names;
pub mod pwr;
pub mod rcc;
pub mod sbs;
pub mod scb;
pub mod uid;
pub mod xspi;

use crate::layout::Address;

/// A block of registers at some base address: a peripheral, or a unit of the core.
pub trait Block: Copy {
    /// First address of the block.
    fn base(self) -> Address;
}

/// A 32-bit register as it was read, or as it is to be written.
pub trait Register: Copy {
    /// The block it belongs to.
    type Block: Block;
    /// The manual's name of it.
    const NAME: &'static str;
    /// Distance from the base of the block in bytes.
    const OFFSET: u32;

    /// A value read from the chip.
    fn from_bits(bits: u32) -> Self;

    /// The value to write to the chip.
    fn bits(self) -> u32;

    /// Where it is.
    fn at(block: Self::Block) -> Address {
        Address(block.base().0.wrapping_add(Self::OFFSET))
    }
}

/// The registers of a block from its first one on, as one transfer has found them.
#[derive(Clone, Debug)]
pub struct Snapshot<B> {
    words: Vec<u32>,
    block: std::marker::PhantomData<B>,
}

impl<B: Block> Snapshot<B> {
    pub(crate) fn new(words: Vec<u32>) -> Self {
        Self {
            words,
            block: std::marker::PhantomData,
        }
    }

    /// The register as it was found; zero behind the end.
    pub fn get<R: Register<Block = B>>(&self) -> R {
        let word = self.words.get((R::OFFSET / 4) as usize);
        R::from_bits(word.copied().unwrap_or_default())
    }
}

/// Declares a type of block and its instances: `block! { pub struct Xspi { XSPI1 = 0x5200_5000, XSPI2 = 0x5200_A000 } }`.
macro_rules! block {
    ($(#[$doc:meta])* pub struct $block:ident { $($(#[$instance_doc:meta])* $instance:ident = $base:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $block($crate::layout::Address);

        impl $crate::registers::Block for $block {
            fn base(self) -> $crate::layout::Address {
                self.0
            }
        }

        $(
            $(#[$instance_doc])*
            pub const $instance: $block = $block($crate::layout::Address($base));
        )+
    };
}

/// Declares a register: a getter a field (`bool` for one bit, `u32` for a range) and a setter `with_` that returns the changed value.
macro_rules! register {
    (
        $(#[$doc:meta])*
        pub struct $register:ident(u32) at $block:ident + $offset:literal {
            $($(#[$field_doc:meta])* pub $field:ident: $low:literal $(..=$high:literal)?),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        pub struct $register(u32);

        impl $crate::registers::Register for $register {
            type Block = $block;
            const NAME: &'static str = stringify!($register);
            const OFFSET: u32 = $offset;

            fn from_bits(bits: u32) -> Self {
                Self(bits)
            }

            fn bits(self) -> u32 {
                self.0
            }
        }

        impl $register {
            $(register!(@field $(#[$field_doc])* $field, $low $(, $high)?);)*
        }

        /// The value and every field that is not zero.
        impl std::fmt::Debug for $register {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}(0x{:08x}", stringify!($register), self.0)?;
                $(register!(@debug self, f, $field, $low $(, $high)?);)*
                write!(f, ")")
            }
        }
    };

    (@field $(#[$doc:meta])* $field:ident, $bit:literal) => {
        pastey::paste! {
            #[doc = concat!("Bit ", stringify!($bit), ".")]
            $(#[$doc])*
            pub const fn $field(self) -> bool {
                self.0 >> $bit & 1 != 0
            }

            #[doc = concat!("The value with bit ", stringify!($bit), " set or cleared.")]
            #[must_use]
            pub const fn [<with_ $field>](self, set: bool) -> Self {
                Self(self.0 & !(1 << $bit) | (set as u32) << $bit)
            }
        }
    };

    (@field $(#[$doc:meta])* $field:ident, $low:literal, $high:literal) => {
        pastey::paste! {
            #[doc = concat!("Bits ", stringify!($high), ":", stringify!($low), ".")]
            $(#[$doc])*
            pub const fn $field(self) -> u32 {
                self.0 >> $low & (u32::MAX >> (31 - ($high - $low)))
            }

            #[doc = concat!("The value with bits ", stringify!($high), ":", stringify!($low), " replaced; what does not fit is cut off.")]
            #[must_use]
            pub const fn [<with_ $field>](self, value: u32) -> Self {
                let mask = u32::MAX >> (31 - ($high - $low));
                Self(self.0 & !(mask << $low) | (value & mask) << $low)
            }
        }
    };

    (@debug $self:ident, $f:ident, $field:ident, $bit:literal) => {
        if $self.$field() {
            write!($f, " {}", stringify!($field))?;
        }
    };

    (@debug $self:ident, $f:ident, $field:ident, $low:literal, $high:literal) => {
        if $self.$field() != 0 {
            write!($f, " {}={:#x}", stringify!($field), $self.$field())?;
        }
    };
}

pub(crate) use {block, register};

#[cfg(test)]
mod tests {
    use super::*;

    block! {
        /// A block.
        pub struct Sample { SAMPLE = 0x5200_A000 }
    }

    register! {
        /// A register.
        pub struct Cr(u32) at Sample + 0x104 {
            pub enabled: 0,
            pub functional_mode: 28..=29,
            /// The highest bit.
            pub last: 31,
        }
    }

    register! {
        /// A register that is one field.
        pub struct Whole(u32) at Sample + 0x108 {
            pub value: 0..=31,
        }
    }

    #[test]
    fn fields_are_read_and_replaced_without_touching_their_neighbours() {
        let cr = Cr::from_bits(0xF000_0001);
        assert!(cr.enabled() && cr.last());
        assert_eq!(cr.functional_mode(), 3);
        assert_eq!(cr.with_functional_mode(1).bits(), 0xD000_0001);
        assert_eq!(cr.with_last(false).with_enabled(false).bits(), 0x7000_0000);
        assert_eq!(cr.with_functional_mode(4).functional_mode(), 0);
        assert_eq!(Whole::default().with_value(u32::MAX).value(), u32::MAX);
    }

    #[test]
    fn a_register_knows_its_place_and_its_name() {
        assert_eq!(Cr::at(SAMPLE), Address(0x5200_A104));
        assert_eq!(Cr::NAME, "Cr");
        assert_eq!(
            format!("{:?}", Cr::from_bits(0x3000_0001)),
            "Cr(0x30000001 enabled functional_mode=0x3)"
        );
    }
}
