//! A debugger below the level of a chip: debug port and access ports, and nothing that it sets by itself.
#![allow(dead_code)] // each test file uses its part

use probe_rs::architecture::arm::{
    ArmDebugInterface, ArmError, FullyQualifiedApAddress, dp::DpAddress,
    sequences::DefaultArmSequence,
};
use virtual_board::handle::VirtualBoard;

/// AP0: the system's debug components.
pub const SYSTEM_DEBUG: FullyQualifiedApAddress = FullyQualifiedApAddress::v1_with_default_dp(0);
/// AP1: the core and its bus.
pub const AHB: FullyQualifiedApAddress = FullyQualifiedApAddress::v1_with_default_dp(1);

/// Connects to the debug port.
pub fn connect(board: &VirtualBoard) -> Box<dyn ArmDebugInterface> {
    try_connect(board).unwrap()
}

/// The same, where the debug port may be off.
pub fn try_connect(board: &VirtualBoard) -> Result<Box<dyn ArmDebugInterface>, ArmError> {
    let mut probe = board.open();
    probe.attach_to_unspecified().unwrap();
    let mut interface = probe
        .try_into_arm_debug_interface(DefaultArmSequence::create())
        .map_err(|(_, error)| error)?;
    interface.select_debug_port(DpAddress::Default)?;
    Ok(interface)
}

/// Reads a word by an access port.
pub fn read(
    interface: &mut dyn ArmDebugInterface,
    ap: &FullyQualifiedApAddress,
    address: u64,
) -> Result<u32, ArmError> {
    interface.memory_interface(ap)?.read_word_32(address)
}

/// Writes words by an access port.
pub fn write(
    interface: &mut dyn ArmDebugInterface,
    ap: &FullyQualifiedApAddress,
    writes: &[(u64, u32)],
) {
    let mut memory = interface.memory_interface(ap).unwrap();
    for (address, value) in writes {
        memory.write_word_32(*address, *value).unwrap();
    }
    memory.flush().unwrap();
}
