//! Boards of this process under probe-rs's list of probes. A serial number picks one, so several can live side by side.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use probe_rs::{
    plugin::{Plugin, register_plugin},
    probe::{
        DebugProbe, DebugProbeError, DebugProbeInfo, DebugProbeSelector, Probe, ProbeCreationError,
        ProbeFactory, list::ProbeListItem,
    },
};

use super::VirtualProbe;
use crate::handle::{VirtualBoard, WeakBoard};

/// USB vendor that the selector of a virtual board names: pid.codes, whose product 0001 is set aside for private tests.
pub const VENDOR_ID: u16 = 0x1209;
/// USB product that the selector of a virtual board names.
pub const PRODUCT_ID: u16 = 0x0001;

static FACTORY: Factory = Factory {
    boards: Mutex::new(BTreeMap::new()),
};

/// Makes probes for the registered boards.
#[derive(Debug)]
struct Factory {
    boards: Mutex<BTreeMap<String, WeakBoard>>,
}

impl Factory {
    fn boards(&self) -> MutexGuard<'_, BTreeMap<String, WeakBoard>> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn info(&'static self, serial: &str) -> DebugProbeInfo {
        DebugProbeInfo::new(
            "Virtual STM32H7S78-DK",
            VENDOR_ID,
            PRODUCT_ID,
            Some(serial.to_owned()),
            self,
            None,
            false,
        )
    }
}

impl fmt::Display for Factory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("virtual board")
    }
}

impl ProbeFactory for Factory {
    fn open(&self, selector: &DebugProbeSelector) -> Result<Box<dyn DebugProbe>, DebugProbeError> {
        let board = self
            .boards()
            .iter()
            .filter(|(serial, _)| selector.matches_probe(&FACTORY.info(serial)))
            .find_map(|(_, board)| board.upgrade())
            .ok_or(ProbeCreationError::NotFound)?;
        Ok(Box::new(VirtualProbe::new(board)))
    }

    fn list_probes(&self) -> Vec<ProbeListItem> {
        let mut boards = self.boards();
        boards.retain(|_, board| board.upgrade().is_some());
        boards
            .keys()
            .map(|serial| ProbeListItem::accessible(FACTORY.info(serial)))
            .collect()
    }
}

impl VirtualBoard {
    /// A probe on this board, past probe-rs's list of probes.
    pub fn open(&self) -> Probe {
        Probe::new(VirtualProbe::new(self.clone()))
    }

    /// Lists this board under probe-rs's probes with `serial`, as long as it lives. The selector finds it.
    pub fn register(&self, serial: &str) -> DebugProbeSelector {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            register_plugin(Plugin {
                probe_drivers: &[&FACTORY],
                ..Plugin::default()
            });
        });
        FACTORY.boards().insert(serial.to_owned(), self.downgrade());
        DebugProbeSelector {
            vendor_id: VENDOR_ID,
            product_id: PRODUCT_ID,
            interface: None,
            serial_number: Some(serial.to_owned()),
        }
    }
}
