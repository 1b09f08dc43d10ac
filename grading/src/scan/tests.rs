use super::*;

fn found(text: &str) -> Vec<String> {
    let files = [(PathBuf::from("mod.rs"), text.to_string())];
    uses(&files, &[]).unwrap().into_iter().map(|one| one.what).collect()
}

#[test]
fn what_no_raft_needs_is_found_however_it_is_written() {
    for (text, what) in [
        ("fn f() { std::process::exit(0) }", "std::process"),
        ("fn f() { ::std::process::exit(0) }", "std::process"),
        ("fn f() { r#std::r#process::exit(0) }", "std::process"),
        ("use std::{sync::Arc, process::{self, Command}};", "std::process"),
        ("use {std::fs, std::sync::Arc};", "std::fs"),
        ("use std::{collections::{BTreeMap}, fs};", "std::fs"),
        ("use std::fs as files;", "std::fs"),
        ("use ::std::os::unix::process::CommandExt;", "std::os"),
        ("use std::*;", "use std::*"),
        ("use std as s;", "use std as"),
        ("use std::{self as s};", "use std as"),
        ("use crate as c;", "use crate as"),
        ("use super::*; fn f() { runner::main(); }", "crate::runner"),
        ("macro_rules! m { ($a:ident) => { std::$a::exit(0) } }", "$...::"),
        ("macro_rules! m { ($a:ident) => { $a::process::exit(0) } }", "$...::"),
        ("macro_rules! m { () => { std::env::args() } }", "std::env"),
        ("const X: &str = include_str!(\"/etc/passwd\");", "include_str"),
        ("include!(\"x\");", "include!"),
        ("const X: &str = env!(\"HOME\");", "env!"),
        ("#[path = \"../../tests/x.rs\"] mod x;", "#[path]"),
        ("#[cfg_attr(all(), path = \"/etc/x.rs\")] mod x;", "#[path]"),
        ("#[path = concat!(\"a\")] mod x;", "#[path]"),
        ("fn f() { unsafe { g() } }", "unsafe"),
        ("#[unsafe(link_section = \".init_array\")] static F: fn() = f;", "link_section"),
        ("extern \"C\" { fn f(); }", "extern"),
        ("extern crate rustix as r;", "extern"),
        ("use rustix::process::getppid;", "rustix"),
        ("fn f() { rustix::process::getppid(); }", "rustix"),
        ("fn f() { crate::tester::cpu_time(); }", "crate::tester"),
        ("use crate::{labsync, runner};", "crate::runner"),
        ("use super::super::runner;", "crate::runner"),
        ("use crate::labsync::{Mutex, before_end_of_process};", "labsync::before_end_of_process"),
        ("fn f() { serde::__private::x(); }", "serde::__private::x"),
        ("fn f() -> Vec<std::net::TcpStream> { vec![] }", "std::net"),
        ("fn f() { <std::process::Command>::new(\"x\"); }", "std::process"),
    ] {
        assert!(found(text).iter().any(|one| one == what), "{text}: {:?}", found(text));
    }
}

#[test]
fn what_a_raft_may_do_is_let_be() {
    for text in [
        "// std::process::exit(0)\n/* unsafe */\n/// include_str!(\"x\")\nfn f() {}",
        "fn f() { log::info!(\"std::fs unsafe\"); }",
        "mod process; mod env; mod fs; fn f() { process::run(); self::env::x(); fs::save() }",
        "use self::process::Process; use super::process::x; mod trace; use self::trace::Line;",
        "fn f(env: u32, process: u32) -> u32 { env + process }",
        "use std::sync::Arc; use std::time::Duration; use std::collections::*; use std::fmt as f;",
        "use crate::labsync::{thread, Mutex, Condvar, Instant, rng, channel::Sender, Leaf};",
        "use crate::labrpc::ClientEnd; use crate::labgob::{Bytes, to_bytes};",
        "use super::rpc::*; use super::log::Log; mod tests { use super::*; }",
        "macro_rules! m { ($x:expr) => { $crate::labsync::thread::sleep($x) } }",
        "fn f() { let x: Vec<u8> = Vec::new(); x.iter().map(u64::from).collect::<Vec<_>>(); }",
        "#[path = \"inner/log.rs\"] mod log;",
        "fn run() {} fn f() { run(); self.run(); }",
        "use std::io::Write; fn f() { let _ = std::io::stdout().flush(); }",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
    }
}

#[test]
fn the_place_is_told_and_uses_can_be_allowed() {
    let files = [(PathBuf::from("a/b.rs"), "\n\nuse std::env;\n".to_string())];
    let all = uses(&files, &[]).unwrap();
    assert_eq!((all.len(), all[0].place.as_str()), (1, "src/raft/a/b.rs:3"));
    assert!(uses(&files, &["std::env".to_string()]).unwrap().is_empty());
    let broken = [(PathBuf::from("mod.rs"), "fn f( {".to_string())];
    assert!(uses(&broken, &[]).unwrap_err().contains("src/raft/mod.rs cannot be read"));
}

/// No right Raft is accused: neither the reference, nor the skeleton, nor the variants.
#[test]
fn no_right_raft_is_accused() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let variants = std::fs::read_dir(root.join("variants")).unwrap().flatten();
    let mut rafts: Vec<PathBuf> = variants.map(|entry| entry.path()).collect();
    rafts.retain(|raft| raft.join("mod.rs").exists()); // not what they share
    rafts.extend(["src/raft", "starter/src/raft"].map(|raft| root.join(raft)));
    assert!(rafts.len() > 7);
    for raft in rafts {
        let folder = tempfile::tempdir().unwrap();
        let mut copy = std::process::Command::new("cp");
        copy.arg("-rL").arg(raft.join(".")).arg(folder.path());
        assert!(copy.status().unwrap().success());
        let found = crate::submission::find(folder.path()).unwrap();
        let sources = found[0].sources().unwrap();
        assert!(!sources.files.is_empty());
        assert_eq!(uses(&sources.files, &[]).unwrap(), [], "{}", raft.display());
    }
}
