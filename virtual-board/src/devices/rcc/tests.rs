use super::*;

fn write(rcc: &mut Rcc, wires: &mut Wires, offset: u32, value: u32) {
    rcc.write(offset, Width::Word, value, wires).unwrap();
}

fn wait(rcc: &mut Rcc, wires: &mut Wires) {
    while let Some(at) = rcc.next_event() {
        wires.now = at;
        rcc.tick(wires);
    }
}

/// What ST's boot stage writes.
fn run_at_600_mhz(rcc: &mut Rcc, wires: &mut Wires) {
    write(rcc, wires, 0x28, 0x0000_4200);
    write(rcc, wires, 0x2C, 0x0008_C028);
    write(rcc, wires, 0x30, 0x0101_012B);
    write(rcc, wires, 0xC0, 0x0000_0001);
    write(rcc, wires, 0x38, 0x0101_0218);
    write(rcc, wires, 0xC4, 0x0000_0101);
    write(rcc, wires, CR, 0x0500_0025);
    wait(rcc, wires);
    write(rcc, wires, 0x20, 0x0000_4444);
    write(rcc, wires, 0x1C, 8);
    write(rcc, wires, CFGR, 3);
    write(rcc, wires, 0x4C, 0x50);
}

#[test]
fn runs_from_hsi_after_reset() {
    let (mut rcc, mut wires) = (Rcc::new(), Wires::default());
    rcc.reset(Reset::Power, &mut wires);
    assert_eq!(
        (wires.core_hz, wires.xspi_hz),
        (64_000_000, [64_000_000; 2])
    );
    assert_eq!(rcc.read(CR, Width::Word, &mut wires), Ok(0x25));
}

#[test]
fn computes_the_boot_stages_clocks() {
    let (mut rcc, mut wires) = (Rcc::new(), Wires::default());
    rcc.reset(Reset::Power, &mut wires);
    run_at_600_mhz(&mut rcc, &mut wires);
    assert_eq!(wires.core_hz, 600_000_000);
    assert_eq!(wires.hclk_hz, 300_000_000);
    assert_eq!(wires.timer_hz, 300_000_000);
    assert_eq!(wires.xspi_hz, [200_000_000; 2]);
    assert_eq!(rcc.read(CFGR, Width::Word, &mut wires), Ok(3 | 3 << 3));
    assert_eq!(rcc.read(CKPROTR, Width::Word, &mut wires), Ok(0x110));
}

#[test]
fn a_selected_clock_that_is_stopped_is_none() {
    let (mut rcc, mut wires) = (Rcc::new(), Wires::default());
    rcc.reset(Reset::Power, &mut wires);
    run_at_600_mhz(&mut rcc, &mut wires);
    let before = wires.generation;
    write(&mut rcc, &mut wires, CR, 0x0100_0025);
    assert_eq!(wires.xspi_hz, [0, 0]);
    assert_eq!(wires.core_hz, 600_000_000);
    assert!(wires.generation > before);
}

#[test]
fn a_pll_is_not_ready_at_once_and_the_cores_own_cannot_stop() {
    let (mut rcc, mut wires) = (Rcc::new(), Wires::default());
    rcc.reset(Reset::Power, &mut wires);
    write(&mut rcc, &mut wires, CR, 0x0100_0025);
    assert_eq!(rcc.read(CR, Width::Word, &mut wires).unwrap() >> 25 & 1, 0);
    write(&mut rcc, &mut wires, CFGR, 3);
    assert_eq!(rcc.read(CFGR, Width::Word, &mut wires).unwrap() >> 3 & 7, 0);
    run_at_600_mhz(&mut rcc, &mut wires);
    write(&mut rcc, &mut wires, CR, 0);
    assert_eq!(wires.core_hz, 600_000_000, "PLL1 and HSI are held on");
}

#[test]
fn reset_flags_accumulate_until_removed() {
    let (mut rcc, mut wires) = (Rcc::new(), Wires::default());
    rcc.reset(Reset::Power, &mut wires);
    wires.reset_cause = ResetCause::Software;
    rcc.reset(Reset::System, &mut wires);
    let flags = rcc.read(RSR, Width::Word, &mut wires).unwrap();
    assert_eq!(flags, ResetCause::Power.flags() | 1 << 24 | 1 << 22);
    write(&mut rcc, &mut wires, RSR, RMVF);
    assert_eq!(rcc.read(RSR, Width::Word, &mut wires), Ok(0));
}

#[test]
fn a_reset_pulse_is_counted_even_if_nobody_looks_in_between() {
    let (mut rcc, mut wires) = (Rcc::new(), Wires::default());
    write(&mut rcc, &mut wires, 0x7C, 1 << 12);
    write(&mut rcc, &mut wires, 0x7C, 0);
    assert_eq!(wires.reset_pulses.get(&(0x7C, 12)), Some(&1));
}

/// Whoever wakes from Stop runs from HSI or CSI, and has to start the PLLs again.
#[test]
fn stop_switches_the_plls_off() {
    for (stop_clock, wakes_at) in [(0, 64_000_000), (1 << 6, 4_000_000)] {
        let (mut rcc, mut wires) = (Rcc::new(), Wires::default());
        rcc.reset(Reset::Power, &mut wires);
        run_at_600_mhz(&mut rcc, &mut wires);
        let running = wires.core_hz;
        assert!(running > 500_000_000, "{running}");
        write(&mut rcc, &mut wires, CFGR, 3 | stop_clock);
        wires.low_power = LowPower::Stop;
        rcc.enter_stop(&mut wires);
        assert_eq!(
            (wires.hclk_hz, wires.timer_hz, wires.xspi_hz),
            (0, 0, [0; 2])
        );
        wires.low_power = LowPower::Run;
        rcc.leave_stop(&mut wires);
        assert_eq!(wires.core_hz, wakes_at);
        assert_eq!(wires.xspi_hz, [0; 2], "their PLL is off");
        write(&mut rcc, &mut wires, CR, 0x0500_0025 | stop_clock << 1);
        wait(&mut rcc, &mut wires);
        write(&mut rcc, &mut wires, CFGR, 3);
        assert_eq!(wires.core_hz, running, "code that starts them again");
    }
}
