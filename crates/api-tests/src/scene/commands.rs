//! The subcommands for people, run at a terminal, and the commands that they print, pasted into it.

use k8s_replicator_testenv::{Ran, Shell};
use serde_json::Value;

use super::Scene;

/// The width of the terminal.
const COLUMNS: usize = 100;

impl Scene {
    /// The shell of somebody with the controller's own rights.
    pub fn shell(&self) -> Shell {
        self.shell_of(&self.user.kubeconfig)
    }

    /// The shell of somebody with this kubeconfig.
    pub fn shell_of(&self, kubeconfig: &std::path::Path) -> Shell {
        Shell::new(kubeconfig).expect("kubectl and the program")
    }

    /// Runs a subcommand with the flags of this scene's controller. `{a}` stands for a namespace's full name.
    pub fn says(&self, line: &str, flags: &[&str]) -> Ran {
        self.says_to(&self.shell(), line, flags)
    }

    /// The same, run by another user.
    pub fn says_to(&self, shell: &Shell, line: &str, flags: &[&str]) -> Ran {
        let flags = self.arguments(flags).join(" ");
        let line = format!("kubectl replicator {} --controller-flags '{flags}'", self.full(line));
        shell.run(&line, COLUMNS).expect("a shell")
    }

    /// The plan (`--output json`) made with the flags of this scene's controller, and the command's whole output.
    #[track_caller]
    pub fn plans(&self, shell: &Shell, line: &str) -> (Value, String) {
        let answer = self.plans_flags(shell, line, &[]);
        let text = answer.to_string();
        (answer, text)
    }

    /// The same, for a change of the controller's flags to these.
    #[track_caller]
    pub fn plans_flags(&self, shell: &Shell, line: &str, flags: &[&str]) -> Value {
        let now = self.arguments(&[]).join(" ");
        let ran = self.says_to(shell, &format!("{line} --flags-now '{now}'"), flags);
        serde_json::from_str(&ran.output).unwrap_or_else(|error| panic!("{line}: {error}: {ran:?}"))
    }

    /// The explanation of an object, as JSON.
    #[track_caller]
    pub fn explains(&self, object: &str, flags: &[&str]) -> Value {
        let ran = self.says(&format!("explain {object} -o json"), flags);
        serde_json::from_str(&ran.output).unwrap_or_else(|error| panic!("explain {object}: {error}: {ran:?}"))
    }

    /// Pastes a command into a shell.
    #[track_caller]
    pub fn pastes(&self, command: &str) -> String {
        let ran = self.shell().run(command, COLUMNS).expect("a shell");
        assert_eq!(ran.code, 0, "{command}: {ran:?}");
        ran.output
    }
}
