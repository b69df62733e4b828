//! CubeMX's project file, `.ioc`: Java properties (java.util.Properties), of which a few hundred keys are CubeMX's own. Keys with their default
//! are not in the file, and some stay that hold no longer: so it is asked for what nothing else in a project says.

use std::collections::HashMap;

use crate::layout::Controller;

/// What a `.ioc` says.
#[derive(Debug, Default)]
pub struct Ioc {
    /// `STM32H7S7L8HxH`.
    pub chip: Option<String>,
    /// Names that may be a board's: the project's, its board's, its loader's.
    pub names: Vec<String>,
    /// Which controller is wired to which XSPIM port.
    pub ports: Vec<(Controller, u8)>,
    /// The controller of the first external memory. CubeMX leaves it out where it is XSPI1.
    pub first_memory: Option<Controller>,
}

impl Ioc {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Option<Self> {
        let keys = java_properties::read(text.as_bytes()).ok()?;
        let text = |key: &str| keys.get(key).map(String::as_str);
        let names = [
            "board",
            "ProjectManager.ProjectName",
            "EXTMEM_LOADER.RefParam_Loader_Name",
        ];
        Some(Self {
            chip: text("Mcu.CPN").or(text("Mcu.Name")).map(str::to_owned),
            names: names
                .into_iter()
                .filter_map(text)
                .map(str::to_owned)
                .collect(),
            ports: ports(&keys),
            first_memory: text("EXTMEM_MANAGER.RefParam_BOOT_enable").and_then(|_| {
                let instance = text("EXTMEM_MANAGER.RefParam_MEMORY_1_Instance");
                controller(instance.unwrap_or("XSPI1"))
            }),
        })
    }
}

/// Modes of pins: `PN0.Mode=XSPI1_Port2Octo`.
fn ports(keys: &HashMap<String, String>) -> Vec<(Controller, u8)> {
    let modes = keys.iter().filter(|(key, _)| key.ends_with(".Mode"));
    let mut ports: Vec<(Controller, u8)> = modes
        .filter_map(|(_, mode)| {
            let (instance, role) = mode.split_once("_Port")?;
            let port = role.chars().next()?.to_digit(10)?;
            Some((controller(instance)?, u8::try_from(port).ok()?))
        })
        .collect();
    ports.sort_by_key(|(controller, port)| (*controller as u8, *port));
    ports.dedup();
    ports
}

/// `XSPI1`.
pub fn controller(name: &str) -> Option<Controller> {
    match name {
        "XSPI1" => Some(Controller::Xspi1),
        "XSPI2" => Some(Controller::Xspi2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_memory_are_read() {
        let ioc = Ioc::parse(
            "#MicroXplorer\nBoot.IPs=RCC\\:I,XSPI1\nMcu.CPN=STM32H7S3L8H6\nPN0.Mode=XSPI1_Port2Octo\nPN1.Mode=XSPI1_NCS1_Port2\n\
             EXTMEM_MANAGER.RefParam_BOOT_enable=true\nProjectManager.ProjectName=osp\\:i\n",
        )
        .expect("a project");
        assert_eq!(ioc.chip.as_deref(), Some("STM32H7S3L8H6"));
        assert_eq!(ioc.ports, [(Controller::Xspi1, 2)]);
        assert_eq!(ioc.first_memory, Some(Controller::Xspi1));
        assert_eq!(ioc.names, ["osp:i"]);
    }

    #[test]
    fn any_text_is_survived() {
        for text in [
            "",
            "\\",
            "=",
            "a\\u00",
            "Mcu.CPN",
            "P.Mode=XSPI1_Port",
            "P.Mode=XSPI1_Port9",
        ] {
            let ports = Ioc::parse(text).map(|ioc| ioc.ports.len());
            assert!(ports.is_none_or(|ports| ports <= 1), "{text}");
        }
    }
}
