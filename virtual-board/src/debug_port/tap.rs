//! The controller of a JTAG test access port: the sixteen states of IEEE 1149.1 figure 6-1, clocked by TCK and led by TMS.

/// A state of the controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Test-Logic-Reset: from any state after five clocks with TMS high.
    #[default]
    Reset,
    /// Run-Test/Idle.
    Idle,
    /// Select-DR-Scan.
    SelectData,
    /// Capture-DR.
    CaptureData,
    /// Shift-DR.
    ShiftData,
    /// Exit1-DR.
    LeaveData,
    /// Pause-DR.
    PauseData,
    /// Exit2-DR.
    ResumeData,
    /// Update-DR.
    UpdateData,
    /// Select-IR-Scan.
    SelectInstruction,
    /// Capture-IR.
    CaptureInstruction,
    /// Shift-IR.
    ShiftInstruction,
    /// Exit1-IR.
    LeaveInstruction,
    /// Pause-IR.
    PauseInstruction,
    /// Exit2-IR.
    ResumeInstruction,
    /// Update-IR.
    UpdateInstruction,
}

impl State {
    /// The state after a rising edge of TCK with TMS at `mode`.
    pub fn next(self, mode: bool) -> Self {
        let (low, high) = match self {
            Self::Reset => (Self::Idle, Self::Reset),
            Self::Idle | Self::UpdateData | Self::UpdateInstruction => {
                (Self::Idle, Self::SelectData)
            }
            Self::SelectData => (Self::CaptureData, Self::SelectInstruction),
            Self::CaptureData | Self::ShiftData => (Self::ShiftData, Self::LeaveData),
            Self::LeaveData => (Self::PauseData, Self::UpdateData),
            Self::PauseData => (Self::PauseData, Self::ResumeData),
            Self::ResumeData => (Self::ShiftData, Self::UpdateData),
            Self::SelectInstruction => (Self::CaptureInstruction, Self::Reset),
            Self::CaptureInstruction | Self::ShiftInstruction => {
                (Self::ShiftInstruction, Self::LeaveInstruction)
            }
            Self::LeaveInstruction => (Self::PauseInstruction, Self::UpdateInstruction),
            Self::PauseInstruction => (Self::PauseInstruction, Self::ResumeInstruction),
            Self::ResumeInstruction => (Self::ShiftInstruction, Self::UpdateInstruction),
        };
        if mode { high } else { low }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(from: State, modes: &[u8]) -> State {
        modes
            .iter()
            .fold(from, |state, mode| state.next(*mode == 1))
    }

    #[test]
    fn five_ones_reset_from_anywhere() {
        let paths: [&[u8]; 6] = [
            &[0],
            &[0, 1, 0, 0],
            &[0, 1, 0, 1, 0],
            &[0, 1, 1, 0, 0],
            &[0, 1, 1, 0, 1, 0],
            &[0, 1, 0, 1, 0, 1],
        ];
        for path in paths {
            let state = walk(State::Reset, path);
            assert_eq!(walk(state, &[1; 5]), State::Reset, "{state:?}");
        }
    }

    #[test]
    fn both_columns_have_the_same_shape() {
        let data = walk(State::Idle, &[1, 0, 0, 1, 0, 1, 0, 1]);
        assert_eq!(data, State::LeaveData);
        assert_eq!(walk(data, &[1]), State::UpdateData);
        let instruction = walk(State::Idle, &[1, 1, 0, 0, 1, 0, 1, 0, 1]);
        assert_eq!(instruction, State::LeaveInstruction);
        assert_eq!(walk(instruction, &[1, 1]), State::SelectData);
    }
}
