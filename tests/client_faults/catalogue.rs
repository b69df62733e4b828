//! Every code of the catalogue is shown to a GDB user by a golden, or provoked where GDB has no part in it.

use std::fs;

use xspi_gdb::fault::Code;

use crate::support::repository;

/// Codes that GDB shows in goldens of other tests, with an old GDB and a recent one.
const GOLDENS: &[(&str, &str)] = &[
    ("XG003", "faults/XG001.mi"),
    ("XG013", "window-stalled.mi"),
    ("XG020", "boot-blank.mi"),
    ("XG021", "boot-pin.mi"),
    ("XG022", "boot-faults.mi"),
    ("XG023", "boot-hangs.mi"),
    ("XG024", "boot-blank-nor.mi"),
    ("XG025", "boot-other-slot.mi"),
    ("XG026", "boot-watchdog-loop.mi"),
    ("XG027", "boot-nor-mode.mi"),
    ("XG028", "boot-product-state.mi"),
    ("XG055", "boot-offset.mi"),
    ("XG056", "boot-linked-elsewhere.mi"),
];

/// Codes that no GDB meets, or none at a moment of its own: the file and the test that provoke them.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("XG004", "tests/boot_faults.rs", "a_locked_chip"),
    (
        "XG005",
        "src/session/tests.rs",
        "a_core_that_does_not_answer_is_told",
    ),
    (
        "XG009",
        "tests/headless/power.rs",
        "a_silent_board_is_switched_before_it_is_given_up",
    ),
    (
        "XG015",
        "src/window/tests.rs",
        "a_bus_error_beyond_the_memory_is_the_windows",
    ),
    (
        "XG034",
        "src/loader/files_tests.rs",
        "an_algorithm_too_large_for_dtcm_goes_into_axi_sram_or_nowhere",
    ),
    (
        "XG036",
        "tests/rsp.rs",
        "sigterm_in_the_middle_of_load_ends_cleanly",
    ),
    (
        "XG037",
        "tests/robustness.rs",
        "what_sigterm_left_unfinished_is_told_and_completed",
    ),
    (
        "XG043",
        "src/link/units/tests.rs",
        "a_breakpoint_unit_of_revision_1_is_refused",
    ),
    (
        "XG046",
        "tests/boot_modes/signed.rs",
        "a_header_that_the_boot_stage_does_not_know_is_told",
    ),
    (
        "XG047",
        "tests/boot_modes/signed.rs",
        "an_image_of_another_build_is_refused_before_anything_is_changed",
    ),
    (
        "XG057",
        "tests/client_faults/command_line.rs",
        "a_boot_stage_that_is_an_appli",
    ),
    (
        "XG061",
        "src/session/tests.rs",
        "a_running_core_refuses_registers_with_a_remedy",
    ),
    (
        "XG068",
        "src/gdb/refusal.rs",
        "a_defect_of_ours_asks_to_be_reported",
    ),
    (
        "XG069",
        "tests/client_faults/command_line.rs",
        "a_port_that_is_taken",
    ),
    (
        "XG070",
        "tests/client_faults/command_line.rs",
        "a_board_that_nobody_knows",
    ),
    (
        "XG071",
        "tests/client_faults/command_line.rs",
        "a_profile_that_contradicts_itself",
    ),
    (
        "XG072",
        "tests/command_line.rs",
        "the_configuration_file_holds_what_the_command_line_holds",
    ),
    (
        "XG073",
        "tests/client_faults/command_line.rs",
        "a_real_probe_without_a_board",
    ),
    (
        "XG074",
        "tests/command_line.rs",
        "a_state_file_in_use_is_refused_until_the_other_process_has_ended",
    ),
    (
        "XG075",
        "tests/client_faults/command_line.rs",
        "another_chip",
    ),
    (
        "XG076",
        "tests/init.rs",
        "no_project_and_several_are_told_apart",
    ),
    (
        "XG079",
        "tests/client_faults/command_line.rs",
        "a_trace_that_cannot_be_written",
    ),
    (
        "XG090",
        "src/loader/files_tests.rs",
        "a_file_without_description_is_no_loader",
    ),
    (
        "XG091",
        "src/loader/files_tests.rs",
        "a_function_that_is_needed_and_missing_is_named",
    ),
    (
        "XG112",
        "src/rtt/tests.rs",
        "a_down_channel_takes_what_there_is_room_for",
    ),
    (
        "XG114",
        "src/rtt/defmt/tests.rs",
        "another_version_is_named",
    ),
    (
        "XG130",
        "tests/headless/sessions.rs",
        "what_is_no_session_touches_nothing",
    ),
    (
        "XG132",
        "tests/headless/sessions.rs",
        "an_expectation_that_fails_skips_the_rest_and_runs_what_is_to_be_done_finally",
    ),
    (
        "XG133",
        "tests/headless/sessions.rs",
        "a_fault_and_a_timeout_have_exit_codes_of_their_own",
    ),
    (
        "XG134",
        "tests/headless/sessions.rs",
        "a_signal_ends_the_step_under_way_and_then_the_session",
    ),
    (
        "XG120",
        "src/semihosting/tests.rs",
        "without_a_directory_no_file_is_opened_and_the_user_is_told",
    ),
    (
        "XG136",
        "tests/headless/racks.rs",
        "a_probe_that_another_process_has_is_told_with_its_holder",
    ),
    (
        "XG137",
        "tests/headless/racks.rs",
        "a_board_is_switched_off_and_on",
    ),
    (
        "XG100",
        "src/threads/freertos/tests.rs",
        "a_list_that_leads_nowhere_ends_there_and_says_so",
    ),
    (
        "XG131",
        "tests/client_faults/session.rs",
        "a_place_that_is_none",
    ),
    (
        "XG135",
        "tests/client_faults/session.rs",
        "a_value_that_does_not_fit_its_type",
    ),
];

/// True if the golden tests/mi/NAME shows `code`.
fn shows(name: &str, code: &str) -> bool {
    let path = repository("tests/mi").join(name);
    fs::read_to_string(path).is_ok_and(|text| text.contains(code))
}

/// True if `file` has the test function `test`.
fn has(file: &str, test: &str) -> bool {
    let text = fs::read_to_string(repository(file)).unwrap_or_default();
    text.contains(&format!("fn {test}("))
}

#[test]
fn every_code_has_a_golden_or_a_test() {
    let lacking: Vec<&str> = Code::ALL
        .iter()
        .map(|code| code.name())
        .filter(|code| {
            let own = shows(&format!("faults/{code}.mi"), code);
            let other = GOLDENS
                .iter()
                .any(|(of, golden)| of == code && shows(golden, code));
            let elsewhere = ELSEWHERE
                .iter()
                .any(|(of, file, test)| of == code && has(file, test));
            !own && !other && !elsewhere
        })
        .collect();
    assert!(
        lacking.is_empty(),
        "codes that no test provokes: {lacking:?}"
    );
}

/// A golden whose scene is gone would go on to prove nothing.
#[test]
fn every_golden_belongs_to_a_scene() {
    let folder = repository("tests/client_faults");
    let scenes: String = fs::read_dir(folder)
        .expect("this folder")
        .map(|entry| fs::read_to_string(entry.expect("a file").path()).expect("source"))
        .collect();
    for entry in fs::read_dir(repository("tests/mi/faults")).expect("goldens") {
        let name = entry.expect("a file").file_name();
        let name = name.to_string_lossy();
        let code = name.trim_end_matches(".mi");
        assert!(
            scenes.contains(&format!("\"{code}\"")),
            "{name} has no scene"
        );
    }
}
