//! Processes that end with this one, also when it is killed and can clean up nothing.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::interval;

use super::runtime::{block_on, eventually};

/// A process becomes the program itself, so that its id, signals and exit status are the program's. Beside it waits
/// a watcher that reads from our end of a pipe: the kernel closes that when we end, and the watcher then kills
/// the whole group. It is a member of that group, so the number can have become no other group's meanwhile.
const DIES_WITH_US: &str = r#"exec 3<&0
(read -r _ <&3; kill -KILL -- -$$) &
export -n PWD OLDPWD SHLVL
exec "$@" 3<&- </dev/null"#;

/// More than once, because the servers that write there end at the same moment.
const REMOVES_AT_EXIT: &str =
    r#"read -r _; for _ in 1 2 3 4 5; do rm -rf -- "$1" 2>/dev/null && break; done"#;

/// How a program is started.
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: Vec<String>,
    pub(crate) envs: Vec<(String, String)>,
    pub(crate) inherit_env: bool,
    pub(crate) dir: &'a Path,
    pub(crate) stdout: PathBuf,
    pub(crate) stderr: PathBuf,
}

/// A running program; ends when dropped, and when this process ends.
pub(crate) struct Guarded {
    child: Child,
    lifeline: Option<ChildStdin>,
}

impl Guarded {
    pub(crate) fn start(launch: Launch<'_>) -> Self {
        let mut command = Command::new("bash");
        if !launch.inherit_env {
            command.env_clear();
        }
        command
            .args(["-c", DIES_WITH_US, "guarded"])
            .arg(launch.program)
            .args(launch.args.iter().map(OsString::from))
            .envs(launch.envs)
            .current_dir(launch.dir)
            .stdout(log(&launch.stdout))
            .stderr(log(&launch.stderr));
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.process_group(0).stdin(Stdio::piped()).spawn().expect("bash starts");
        let lifeline = child.stdin.take();
        Self { child, lifeline }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours can be asked")
    }

    /// Waits for the end. Dropping the future stops nothing.
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        let mut ticks = interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if let Some(status) = self.exited() {
                return status;
            }
        }
    }

    /// Asks it to end, as a kubelet does first.
    pub(crate) fn terminate(&mut self) {
        if self.exited().is_none() {
            let id = self.id().to_string();
            let kill = Command::new("bash").args(["-c", "kill -TERM \"$1\"", "kill", &id]).status();
            assert!(kill.is_ok(), "bash starts");
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // The watcher does this too, for the whole group; a watcher that was killed must not leave us waiting.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Removes a folder when this process ends.
pub(crate) fn at_exit_remove(dir: &Path) -> Guarded {
    let mut command = Command::new("bash");
    command.args(["-c", REMOVES_AT_EXIT, "janitor"]).arg(dir);
    Guarded::spawn(command)
}

fn log(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("a log file can be written")
}

/// Ports that are free now; all are held while the last is looked for, so they differ.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port"));
    held.map(|listener| listener.local_addr().expect("a bound port").port())
}

/// The kernel closes our end of the pipe when we end, however we end: this is what a server sees of it.
#[test]
fn a_closed_pipe_ends_a_program_and_its_children() {
    let dir = tempfile::tempdir().expect("a folder");
    let log = dir.path().join("log");
    let script = "sleep 600 & echo $!; wait";
    let mut guarded = Guarded::start(Launch {
        program: Path::new("bash"),
        args: vec!["-c".into(), script.into()],
        envs: Vec::new(),
        inherit_env: true,
        dir: dir.path(),
        stdout: log.clone(),
        stderr: log.clone(),
    });
    block_on(async {
        let said = eventually("the program runs", async || match fs::read_to_string(&log) {
            Ok(said) if said.ends_with('\n') => Ok(said),
            other => Err(format!("{other:?}")),
        });
        let child = Path::new("/proc").join(said.await.trim()).join("stat");
        drop(guarded.lifeline.take());
        assert_eq!(guarded.wait().await.signal(), Some(9));
        eventually("its child is gone", async || match fs::read_to_string(&child) {
            Ok(stat) if !stat.contains(") Z ") => Err(stat),
            _ => Ok(()),
        })
        .await;
    });
}
