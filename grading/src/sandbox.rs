//! What keeps a submission's programs from everything else.
//!
//! Three things run for a submission, and each is kept apart in its own way. The compiler reads its
//! text: it sees the harness, the toolchain and the sources of the crates, and no network. Each
//! test's process runs its code: it sees its own program and the system's libraries, and no other
//! process. The runner, which gives the verdicts, has none of its code (`harness.rs`), and runs outside.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::process::{that_ends_with_us, works};

/// What there is on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Namespaces of its own: files, processes, network.
    Bubblewrap,
    /// Another user, who owns nothing.
    OtherUser,
    /// Nothing but limits.
    Limits,
}

/// The user "nobody", who owns nothing.
const NOBODY: &str = "65534";
/// Where a test's program is, in a sandbox.
const PROGRAM: &str = "/lab/test";
/// Who may read the programs: nobody. A process whose program cannot be read is not open to others,
/// nor to itself, by way of /proc/self/mem; if whoever starts it has no rights left.
const RUN_ONLY: u32 = 0o111;
/// This shell can close whatever this program was given by those who have started it.
const BASH: &str = "/bin/bash";
const CLOSE: &str = "\
for fd in /proc/self/fd/*; do
  fd=${fd##*/}
  if [ \"$fd\" -gt 2 ]; then eval \"exec $fd>&-\"; fi
done
";
/// Libraries, wherever a system has them.
const LIBRARIES: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"];

impl Guard {
    /// The best that works here; it is tried, with a program that surely runs.
    pub fn best() -> Guard {
        let mut words = bubblewrap();
        words.extend(["--ro-bind", "/", "/", "--proc", "/proc", "true"].map(str::to_string));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if works(words[0], &words[1..]) {
            return Guard::Bubblewrap;
        }
        Guard::without_bubblewrap()
    }

    /// The best that works without it.
    pub fn without_bubblewrap() -> Guard {
        let mut arguments = other_user();
        arguments.push("true");
        let is_root = rustix::process::geteuid().is_root();
        if is_root && works("setpriv", &arguments) { Guard::OtherUser } else { Guard::Limits }
    }

    /// What a teacher should know.
    pub fn says(self) -> &'static str {
        match self {
            Guard::Bubblewrap => {
                "Guarded by bubblewrap: no network, own files and processes; the runner is outside."
            }
            Guard::OtherUser => {
                "NOT GUARDED against all: bubblewrap (bwrap) is missing or may not be used here.\n\
                 Submissions run as the user nobody: they cannot write here, nor reach the runner.\n\
                 They can use the network, read what all users may read, and leave processes."
            }
            Guard::Limits => {
                "NOT GUARDED: bubblewrap (bwrap) is missing or may not be used here, and you are not \
                 root.\nSubmissions run as you: they can use the network, and read and write what \
                 you can,\nthe results included. Install bubblewrap, or grade in a container."
            }
        }
    }

    /// Whether a test's process can read its own memory; tried with a program that reads files.
    pub fn leaves_memory_open(self, folder: &Path) -> Result<bool, String> {
        let program = folder.join("program");
        fs::copy("/bin/cat", &program).map_err(|error| format!("cannot copy cat: {error}"))?;
        let launcher = self.launcher(folder, &program)?;
        let reads = |file: &str| works(&launcher.display().to_string(), &[file]);
        // As closed as `mem`, which `cat` cannot read from its beginning. And `stat` is open to all:
        // if it cannot be read, nothing is known.
        Ok(!reads("/proc/self/stat") || reads("/proc/self/auxv"))
    }

    /// Writes the program that starts a test's process (`--launcher` of the runner) into `folder`.
    pub fn launcher(self, folder: &Path, program: &Path) -> Result<PathBuf, String> {
        let script = match self {
            Guard::Bubblewrap => {
                let filter = folder.join("filter.bpf");
                write(&filter, &filter_bytes()?)?;
                let mut words = bubblewrap();
                let there = LIBRARIES.iter().flat_map(|place| ["--ro-bind-try", place, place]);
                words.extend(there.map(str::to_string));
                words.extend(
                    ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
                        .map(str::to_string),
                );
                words.extend(["--ro-bind".to_string(), program.display().to_string()]);
                words.extend([PROGRAM, "--remount-ro", "/", "--chdir", "/"].map(str::to_string));
                // Itself the first process: what stands between would hold the channel to the runner.
                words.extend(["--as-pid-1", "--seccomp", "9", PROGRAM].map(str::to_string));
                format!("{} \"$@\" 9<{}", quoted(&words), quoted(&[filter.display().to_string()]))
            }
            Guard::OtherUser => {
                let mut words = vec!["setpriv".to_string()];
                words.extend(other_user().iter().map(ToString::to_string));
                // setpriv itself may still read everything, so that a program which it starts would
                // be open to itself. This shell no longer may.
                words.extend(["/bin/sh", "-c", "exec \"$0\" \"$@\""].map(str::to_string));
                words.push(program.display().to_string());
                format!("{} \"$@\"", quoted(&words))
            }
            Guard::Limits => format!("{} \"$@\"", quoted(&[program.display().to_string()])),
        };
        let launcher = folder.join("launcher");
        // No core files, and no files of more than a MB. The runner looks after the rest.
        let (shell, close) = if Path::new(BASH).exists() { (BASH, CLOSE) } else { ("/bin/sh", "") };
        let text = format!("#!{shell}\nulimit -c 0; ulimit -f 2048\n{close}exec {script}\n");
        write(&launcher, text.as_bytes())?;
        set_mode(&launcher, 0o755)?;
        set_mode(program, RUN_ONLY)?;
        Ok(launcher)
    }

    /// A command that compiles: `cargo` sees the `tree`, and writes to `target` alone.
    pub fn compiler(self, toolchain: &Toolchain, tree: &Path, target: &Path) -> Command {
        let cargo = toolchain.sysroot.join("bin/cargo");
        let mut command;
        if self == Guard::Bubblewrap {
            command = Command::new("bwrap");
            command.args(namespaces());
            for place in ["/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"]
            {
                command.args(["--ro-bind-try", place, place]);
            }
            let registry = toolchain.cargo_home.join("registry");
            let config = toolchain.cargo_home.join("config.toml");
            command.args(["--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"]);
            for place in [&toolchain.sysroot, &registry, &config] {
                command.arg("--ro-bind-try").arg(place).arg(place);
            }
            command.arg("--ro-bind").arg(tree).arg(tree).arg("--bind").arg(target).arg(target);
            command.arg("--chdir").arg(tree).arg(cargo);
        } else {
            command = that_ends_with_us(&cargo);
            command.current_dir(tree);
        }
        let bin = toolchain.sysroot.join("bin");
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()));
        command.env("CARGO_HOME", &toolchain.cargo_home).env("CARGO_TARGET_DIR", target);
        command
    }
}

/// Where the compiler is.
#[derive(Clone, Debug)]
pub struct Toolchain {
    pub sysroot: PathBuf,
    pub cargo_home: PathBuf,
}

impl Toolchain {
    pub fn find() -> Result<Toolchain, String> {
        let output = Command::new("rustc").args(["--print", "sysroot"]).output();
        let output = output.map_err(|error| format!("cannot run rustc: {error}"))?;
        let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
        let cargo_home = home.ok_or("neither CARGO_HOME nor HOME says where cargo keeps crates")?;
        Ok(Toolchain { sysroot, cargo_home })
    }
}

/// Everything its own, nothing to gain, and the end with whoever has started it.
fn namespaces() -> Vec<String> {
    let user = ["--unshare-all", "--unshare-user", "--uid", NOBODY, "--gid", NOBODY];
    let rest = ["--cap-drop", "ALL", "--die-with-parent", "--new-session", "--hostname", "lab"];
    user.iter().chain(&rest).map(ToString::to_string).collect()
}

/// With the user changed before: as root a process could open its own memory all the same.
fn bubblewrap() -> Vec<String> {
    let mut words = Vec::new();
    if rustix::process::geteuid().is_root() {
        words.push("setpriv".to_string());
        words.extend(other_user().iter().map(ToString::to_string));
    }
    words.push("bwrap".to_string());
    words.extend(namespaces());
    words
}

fn other_user() -> Vec<&'static str> {
    let user = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"];
    user.into_iter().chain(["--inh-caps=-all", "--pdeathsig", "KILL"]).collect()
}

/// As words of a shell.
fn quoted(words: &[String]) -> String {
    let quoted = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
    quoted.collect::<Vec<_>>().join(" ")
}

pub fn write(file: &Path, bytes: &[u8]) -> Result<(), String> {
    let written = fs::File::create(file).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| format!("cannot write {}: {error}", file.display()))
}

pub fn set_mode(file: &Path, mode: u32) -> Result<(), String> {
    fs::set_permissions(file, fs::Permissions::from_mode(mode))
        .map_err(|error| format!("cannot make {} ready: {error}", file.display()))
}

/// The calls by which a process reads or writes what is not its own to touch, its own memory from outside
/// included: the verdict is made there. They fail with EPERM.
fn filter_bytes() -> Result<Vec<u8>, String> {
    const SET_DUMPABLE: u64 = 4; // PR_SET_DUMPABLE
    const EPERM: u32 = 1;
    let arch = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|error| format!("no filter of system calls for this machine: {error}"))?;
    let calls: [i64; 6] = match arch {
        // ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, io_uring_setup, userfaultfd
        TargetArch::x86_64 => [101, 310, 311, 438, 425, 323],
        _ => [117, 270, 271, 438, 425, 282],
    };
    let prctl = if arch == TargetArch::x86_64 { 157 } else { 167 };
    let wrong = |error: seccompiler::BackendError| format!("the filter of system calls: {error}");
    let dumpable =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, SET_DUMPABLE)
            .map_err(wrong)?;
    let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
        calls.into_iter().map(|call| (call, Vec::new())).collect();
    rules.insert(prctl, vec![SeccompRule::new(vec![dumpable]).map_err(wrong)?]);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(EPERM), arch);
    let program: BpfProgram = filter.map_err(wrong)?.try_into().map_err(wrong)?;
    let bytes = program.iter().flat_map(|line| {
        let (code, k) = (line.code.to_ne_bytes(), line.k.to_ne_bytes());
        [code[0], code[1], line.jt, line.jf, k[0], k[1], k[2], k[3]]
    });
    Ok(bytes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell_stay_words() {
        assert_eq!(quoted(&["a b".to_string(), "it's".to_string()]), "'a b' 'it'\\''s'");
    }

    /// Neither as another user nor, as whoever is not root, as oneself.
    #[test]
    fn a_process_cannot_read_its_own_memory() {
        let guard = Guard::without_bubblewrap();
        let is_root = rustix::process::geteuid().is_root();
        if guard == Guard::OtherUser || !is_root && Path::new("/proc/self/auxv").exists() {
            let base = tempfile::tempdir().unwrap();
            // A name as submissions have it.
            let folder = crate::staging::stage(base.path(), "a=b c").unwrap();
            assert_eq!(guard.leaves_memory_open(&folder), Ok(false));
        }
    }

    #[test]
    fn the_filter_is_a_program_of_whole_instructions() {
        let bytes = filter_bytes().unwrap();
        assert!(bytes.len() > 64 && bytes.len().is_multiple_of(8));
    }
}
