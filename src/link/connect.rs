//! Which probes are there, and the way through one to its debug port.

use probe_rs::{
    architecture::arm::{ArmDebugInterface, dp::DpAddress, sequences::DefaultArmSequence},
    probe::{DebugProbeError, DebugProbeSelector, Probe, WireProtocol, list::Lister},
};

use super::{LinkError, probe::ProbeSettings};

/// A probe that is there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FoundProbe {
    /// What it calls itself.
    pub name: String,
    /// What selects it.
    pub selector: String,
}

impl FoundProbe {
    /// Opens it and lets go of it: whether it may be opened, and nobody else has it.
    pub fn try_open(&self) -> Result<(), LinkError> {
        match find(Some(&self.selector)) {
            Ok(_probe) => Ok(()),
            Err(source) => Err(LinkError::Open {
                selector: self.selector.clone(),
                source,
            }),
        }
    }
}

/// The probes that are there.
pub fn list() -> Vec<FoundProbe> {
    let found = Lister::new().list_all().into_iter();
    found
        .map(|probe| FoundProbe {
            selector: match &probe.serial_number {
                Some(serial) => {
                    format!("{:04x}:{:04x}:{serial}", probe.vendor_id, probe.product_id)
                }
                None => format!("{:04x}:{:04x}", probe.vendor_id, probe.product_id),
            },
            name: probe.identifier,
        })
        .collect()
}

/// Why no probe was opened.
#[derive(Debug, thiserror::Error)]
enum NoProbe {
    #[error("no probe is connected")]
    None,
    #[error("{count} probes are connected: say which")]
    Several { count: usize },
}

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// Opens the probe and connects the debug port, by SWD.
pub(super) fn connect(settings: &ProbeSettings) -> Result<Box<dyn ArmDebugInterface>, LinkError> {
    let selector = || {
        let selector = settings.selector.clone();
        selector.unwrap_or_else(|| "any".to_owned())
    };
    let probe = attach(settings).map_err(|source| {
        match source.downcast_ref::<DebugProbeError>() {
            // ST-LINK's driver looks for the target at once.
            Some(DebugProbeError::TargetNotFound) => LinkError::Silent {
                selector: selector(),
                source,
            },
            _ => LinkError::Open {
                selector: selector(),
                source,
            },
        }
    })?;
    debug_port(probe).map_err(|source| LinkError::Silent {
        selector: selector(),
        source,
    })
}

fn attach(settings: &ProbeSettings) -> Result<Probe, Boxed> {
    let mut probe = find(settings.selector.as_deref())?;
    probe.select_protocol(WireProtocol::Swd)?;
    if let Some(speed_khz) = settings.speed_khz {
        probe.set_speed(speed_khz)?;
    }
    if settings.under_reset {
        probe.target_reset_assert()?;
    }
    probe.attach_to_unspecified()?;
    Ok(probe)
}

fn debug_port(probe: Probe) -> Result<Box<dyn ArmDebugInterface>, Boxed> {
    let mut dap = probe
        .try_into_arm_debug_interface(DefaultArmSequence::create())
        .map_err(|(_, error)| error)?;
    dap.select_debug_port(DpAddress::Default)?;
    Ok(dap)
}

fn find(selector: Option<&str>) -> Result<Probe, Boxed> {
    let lister = Lister::new();
    if let Some(selector) = selector {
        return Ok(lister.open(selector.parse::<DebugProbeSelector>()?)?);
    }
    match lister.list_all().as_slice() {
        [] => Err(NoProbe::None.into()),
        [only] => Ok(only.open()?),
        several => Err(NoProbe::Several {
            count: several.len(),
        }
        .into()),
    }
}
