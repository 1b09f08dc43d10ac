//! A headless Chromium that is told what to do over two pipes, in its DevTools protocol: messages of
//! JSON with a zero byte behind each.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// How to get one, for who has none.
pub const HINT: &str =
    "install one (Debian: scripts/chromium.sh), or name it: CHROMIUM=/path/to/it";

/// The program: CHROMIUM, or what is on the path.
pub fn find() -> Option<String> {
    let known = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let runs = |name: &String| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    match std::env::var("CHROMIUM") {
        Ok(name) => {
            assert!(runs(&name), "CHROMIUM={name} cannot be run: {HINT}");
            Some(name)
        }
        Err(_) => known.iter().map(ToString::to_string).find(runs),
    }
}

/// A browser with one page.
pub struct Browser {
    process: Child,
    commands: ChildStdin,
    messages: BufReader<ChildStdout>,
    session: Option<String>,
    sent: u64,
    /// What the page has complained of: exceptions, and errors in its console.
    pub complaints: Vec<String>,
}

impl Browser {
    /// Starts it.
    pub fn start(program: &str) -> Browser {
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
        // It reads from 3 and writes to 4. Root has no sandbox.
        let script = "exec \"$0\" --headless --no-sandbox --disable-gpu --window-size=1400,900 \
                      --user-data-dir=\"$1\" --remote-debugging-pipe about:blank 3<&0 4>&1 2>\"$1.log\"";
        let mut process = Command::new("sh")
            .args(["-c", script, program])
            .arg(&profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let commands = process.stdin.take().expect("it is piped");
        let messages = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut browser =
            Browser { process, commands, messages, session: None, sent: 0, complaints: Vec::new() };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", target);
        browser.session = session["sessionId"].as_str().map(ToString::to_string);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Does something; its result.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let bytes = [message.to_string().as_bytes(), b"\0"].concat();
        self.commands.write_all(&bytes).expect("the browser reads");
        loop {
            let message = self.read();
            if message["id"] == json!(self.sent) {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.messages.read_until(0, &mut bytes).expect("the browser answers");
        assert!(bytes.pop().is_some(), "the browser has ended; its log is beside its profile");
        let message: Value = serde_json::from_slice(&bytes).expect("it answers in JSON");
        let parameters = &message["params"];
        let complaint = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => Some(&parameters["exceptionDetails"]),
            Some("Log.entryAdded") if parameters["entry"]["level"] == "error" => Some(parameters),
            Some("Runtime.consoleAPICalled") if parameters["type"] == "error" => Some(parameters),
            _ => None,
        };
        self.complaints.extend(complaint.map(ToString::to_string));
        message
    }

    /// Opens a file, at a place in it; it is there when it says that it is ready.
    pub fn open(&mut self, file: &Path, place: &str) {
        // From another page, since a mere change of the place would not open it anew.
        self.call("Page.navigate", json!({ "url": "about:blank" }));
        let url = format!("file://{}{place}", file.display());
        self.call("Page.navigate", json!({ "url": url }));
        self.until("document.documentElement?.dataset.ready === 'yes'");
    }

    /// What an expression of the page's language is.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let result = self.call("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until something is so.
    pub fn until(&mut self, expression: &str) {
        for _ in 0..600 {
            if self.value(expression) == json!(true) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("it never became so: {expression}; complaints: {:?}", self.complaints);
    }

    /// A key is pressed.
    pub fn press(&mut self, key: &str) {
        let shift = key.starts_with("shift ");
        let key = key.trim_start_matches("shift ");
        let text = if key.chars().count() == 1 { key } else { "" };
        for (kind, text) in [("keyDown", text), ("keyUp", "")] {
            let parameters = json!({ "type": kind, "key": key, "text": text, "modifiers": if shift { 8 } else { 0 } });
            self.call("Input.dispatchKeyEvent", parameters);
        }
    }

    /// The mouse is clicked at a spot.
    pub fn click(&mut self, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            let parameters =
                json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", parameters);
        }
    }

    /// The page has complained of nothing.
    pub fn assert_content(&self) {
        assert!(self.complaints.is_empty(), "{:?}", self.complaints);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
