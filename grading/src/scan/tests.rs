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

const GLUE: [&str; 22] = [
    "macro_rules! g { ($($t:tt)*) => { std $($t)* } }\nfn f() { g!(::fs::read_to_string(x)) }",
    "macro_rules! g { ($($t:tt)*) => { $crate $($t)* } }",
    "macro_rules! g { ($($t:tt)*) => { super $($t)* } }",
    "macro_rules! g { ($($t:tt)*) => { core $($t)* } }",
    "macro_rules! g { ($($t:tt)*) => { $($t)* } } fn f() { g!(::fs::x()) }",
    "macro_rules! g { ($a:ident $b:ident) => { $a :: $b } }",
    "macro_rules! g { ($a:tt $b:tt $c:tt) => { $a $b $c () } }",
    "macro_rules! g { ($a:tt [$($t:tt)*]) => { $a $($t)* } }",
    "macro_rules! g { ([$($a:tt)*] [$($t:tt)*]) => { $($a)* $($t)* } }",
    "macro_rules! g { ([$($a:tt)*] $b:tt) => { g!([$($a)* $b]) } }",
    "macro_rules! g { ($($a:tt $b:tt $c:tt)*) => { $($a)* } }",
    "macro_rules! g { ($($a:ident)*) => { $($a)::* } }",
    "macro_rules! g { ($($a:ident)*) => { $($a)* ::fs::x() } }",
    "macro_rules! g { ($($a:ident)*) => { $($a ::)* fs } }",
    "macro_rules! g { ($a:path) => { use $a as s; } } g!(std);",
    "macro_rules! println { ($a:path) => { use $a as s; } } println!(std);",
    "use g as println; println!(std);",
    "macro_rules! g { ($($t:tt)*) => { use $($t)*; } } g!(std::{fs});",
    "macro_rules! g { ($a:ident) => { crate::$a::pass() } }",
    "macro_rules! g { ($a:ident) => { labsync::$a() } }",
    "macro_rules! g { ($a:ident) => { ::$a::fs::x() } }",
    "macro_rules! g { () => { 1 }; ($a:ident) => { $a::process::exit(0) } }",
];

#[test]
fn a_path_that_a_macro_puts_together_is_found() {
    for text in GLUE {
        assert!(found(text).iter().any(|one| one == "$...::"), "{text}: {:?}", found(text));
    }
    let files = [(PathBuf::from("mod.rs"), GLUE[0].to_string())];
    let told: Vec<String> = uses(&files, &[]).unwrap().iter().map(Use::told).collect();
    let line = |line| {
        format!("src/raft/mod.rs:{line} builds a path with a macro (`$…::`): write the path out")
    };
    assert_eq!(told, [line(1), line(2)]);
    assert_eq!(entry(&uses(&files, &[]).unwrap()), "allow = [\"$...::\"]");
    assert_eq!(uses(&files, &["$...::".to_string()]), Ok(Vec::new()));
    // A macro may be defined in one file and called in another.
    let text = |text: &str| text.to_string();
    let apart = [text("macro_rules! log { ($a:path) => {} }"), text("log!(std);")];
    let apart = apart.map(|text| (PathBuf::from("x.rs"), text));
    assert_eq!(uses(&apart, &[]).unwrap().len(), 1);
}

#[test]
fn a_harmless_macro_is_let_be() {
    for text in [
        "macro_rules! say { ($level:ident, $($arg:tt)*) => { ::log::$level!($($arg)*) } }",
        "macro_rules! say { ($level:ident, $($arg:tt)*) => { log::$level!($($arg)*) } }",
        "macro_rules! say { ($($arg:tt)*) => { log::info!(\"{}\", format!($($arg)*)) } } \
         fn f(core: u8) { say!(\"{}\", core); say!(self.core); say!(core.x, std::mem::take(&mut x)) }",
        "macro_rules! ms { ($n:expr) => { std::time::Duration::from_millis($n) } }",
        "macro_rules! role { ($r:ident) => { matches!(self.role, Role::$r { .. }) } }",
        "macro_rules! at { ($u:ident) => { std::sync::atomic::$u::new(0) } }",
        "macro_rules! new { ($t:ty) => { <$t>::new() }; ($t:ty, $x:expr) => { $t::from($x) } }",
        "macro_rules! id { ($(#[$m:meta])* $v:vis struct $n:ident($t:ty);) => { \
         $(#[$m])* #[derive(Clone)] $v struct $n($v $t); impl $n { pub(crate) fn get(&self) -> $t \
         { self.0 } } } } id!(pub(crate) struct Term(u64););",
        "macro_rules! fields { ($($v:vis $f:ident: $t:ty),*) => { struct S { $($v $f: $t),* } } }",
        "macro_rules! count { () => { 0 }; ($h:tt $($t:tt)*) => { 1 + count!($($t)*) } }",
        "macro_rules! f { ($n:ident $a:tt $b:block) => { fn $n $a $b } }",
        "macro_rules! m { ($($k:tt => $v:expr),* $(,)?) => { [$(($k, $v)),*] } } m!(1 => 2, 3 => 4);",
        "macro_rules! u { () => { use std::{sync::Arc, fmt}; use ::std::mem; } }",
        "macro_rules! p { ($($p:ident)::+) => { stringify!($($p),+) } } p!(a::b);",
        "macro_rules! lock { ($self:ident) => { $self.state.lock() } } fn f() { lock!(self) }",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
    }
}

#[test]
fn a_static_is_told_from_a_lifetime() {
    let has = |text: &str| has_word(&[(PathBuf::from("mod.rs"), text.to_string())], "static");
    assert!(has("static N: u8 = 1;") && has("thread_local! { static N: u8 = 1; }"));
    assert!(!has("const N: &'static str = \"static\"; fn f<T: 'static>(_: T) {}"));
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
