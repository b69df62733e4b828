//! A lock that two keys open, in order (FLASH_KEYR with CR.LOCK, FLASH_OPTKEYR with OPTCR.OPTLOCK).

/// Its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// As after reset.
    #[default]
    Locked,
    /// The first key was right.
    FirstKey,
    /// Both were.
    Open,
    /// A wrong key: until reset.
    Jammed,
}

impl Lock {
    /// After a key, of which `keys` are the right ones.
    pub fn key(self, value: u32, keys: [u32; 2]) -> Self {
        match self {
            Self::Locked if value == keys[0] => Self::FirstKey,
            Self::FirstKey if value == keys[1] => Self::Open,
            _ => Self::Jammed,
        }
    }

    /// After its bit was set.
    pub fn close(self) -> Self {
        match self {
            Self::Jammed => self,
            _ => Self::Locked,
        }
    }

    /// Both keys were right.
    pub fn is_open(self) -> bool {
        self == Self::Open
    }
}
