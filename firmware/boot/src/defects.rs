//! Defects on purpose, chosen by a feature: what a debugger has to explain.

use board::status::Status;

/// Runs into the defect that this build was made for; an ordinary build has none.
pub fn provoke(status: &mut Status) {
    #[cfg(feature = "hang")]
    wait_for_a_regulator_that_is_off(status);
    #[cfg(feature = "fault")]
    read_past_the_end_of_axi_sram();
    let _ = status;
}

/// PWR_CSR1.BRRDY never rises: nobody has set BREN. No bound, as in many a boot stage.
#[cfg(feature = "hang")]
#[inline(never)]
fn wait_for_a_regulator_that_is_off(status: &mut Status) {
    use board::{journal::Journal, pac::PWR};

    status.waiting(PWR.csr1().as_ptr() as u32);
    while !PWR.csr1().read().brrdy() {}
}

/// A bus error. BusFault is not enabled, so it escalates to HardFault.
#[cfg(feature = "fault")]
#[inline(never)]
fn read_past_the_end_of_axi_sram() {
    const PAST_AXI_SRAM: *const u32 = 0x2408_0000 as *const u32;
    // SAFETY: none is needed; the fault is the purpose.
    unsafe { PAST_AXI_SRAM.read_volatile() };
}
