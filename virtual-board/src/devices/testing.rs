//! What tests of several devices need.

use super::{Device, Wires};
use crate::clock::Time;

/// Lets time pass for a device, event by event.
pub fn pass(device: &mut dyn Device, wires: &mut Wires, span: Time) {
    let end = wires.now + span;
    while let Some(at) = device
        .next_event()
        .filter(|at| *at > wires.now && *at <= end)
    {
        wires.now = at;
        device.tick(wires);
    }
    wires.now = end;
    device.tick(wires);
}
