//! On what terms a breakpoint stops (GDB manual, "Packets", Z0): conditions, of which one must be true, and commands, which are carried out
//! instead of a stop.

use super::agent::{AgentError, Core, Expression};

/// The terms of one request, as the client sent them last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// One of them must be true; without any it always holds.
    pub conditions: Vec<Expression>,
    /// Carried out when it holds. With commands the client is told nothing of it.
    pub commands: Vec<Expression>,
}

/// What a breakpoint comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client wants to know.
    Stop,
    /// The program goes on.
    Pass,
}

impl Terms {
    /// Without conditions and commands: it stops.
    pub fn are_none(&self) -> bool {
        self.conditions.is_empty() && self.commands.is_empty()
    }

    /// Asks the conditions, and carries the commands out if they hold. What these print is added to `printed`.
    pub fn judge(&self, core: &mut dyn Core, printed: &mut Vec<u8>) -> Result<Verdict, AgentError> {
        if !self.hold(core, printed)? {
            return Ok(Verdict::Pass);
        }
        for command in &self.commands {
            command.evaluate(core, printed)?;
        }
        Ok(match self.commands.is_empty() {
            true => Verdict::Stop,
            false => Verdict::Pass,
        })
    }

    fn hold(&self, core: &mut dyn Core, printed: &mut Vec<u8>) -> Result<bool, AgentError> {
        for condition in &self.conditions {
            let value = condition.evaluate(core, printed)?;
            if value.ok_or(AgentError::NoValue)? != 0 {
                return Ok(true);
            }
        }
        Ok(self.conditions.is_empty())
    }
}
