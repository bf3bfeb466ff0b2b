//! Kannel itself: bearerbox and smsbox on ports of their own, between a message centre and the stack.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::account::unique;

const USUAL_HOME: &str = "/usr/sbin";
/// Seconds until a box ends by itself, whatever became of the test.
const LIFETIME: &str = "600";
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends with the value.
pub struct Kannel {
    boxes: Vec<Child>,
    home: PathBuf,
}

/// The ports that a Kannel listens on, all on loopback.
pub struct Ports {
    admin: u16,
    boxes: u16,
    /// Of `sendsms`.
    pub send: u16,
}

impl Ports {
    pub fn free() -> Self {
        // All are held until all are found.
        let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [admin, boxes, send] = held.map(|port| port.local_addr().expect("an address").port());
        Self { admin, boxes, send }
    }
}

impl Kannel {
    /// `hooks_url` is where the gateway account takes calls.
    pub fn start(ports: &Ports, message_centre: u16, hooks_url: &str) -> Self {
        let home = std::env::temp_dir().join(format!("carillon-kannel-{}", unique()));
        std::fs::create_dir(&home).expect("a directory of its own");
        let configuration = configuration(ports, message_centre, hooks_url);
        std::fs::write(home.join("kannel.conf"), configuration).expect("it is writable");
        let mut kannel = Self {
            boxes: Vec::new(),
            home,
        };
        for (name, port) in [("bearerbox", ports.boxes), ("smsbox", ports.send)] {
            kannel.run(name);
            kannel.wait_for(name, port);
        }
        kannel
    }

    fn run(&mut self, name: &str) {
        let log = std::fs::File::create(self.home.join(format!("{name}.log")));
        let log = log.expect("it is writable");
        let program = program(name);
        let started = Command::new("timeout")
            .args(["--signal=KILL", LIFETIME])
            .arg(&program.path)
            .args(["-v", "1", "kannel.conf"])
            .env("LD_LIBRARY_PATH", program.libraries)
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.boxes.push(started.expect("`timeout` is there"));
    }

    fn wait_for(&self, name: &str, port: u16) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                began.elapsed() < PATIENCE,
                "`{name}` doesn't listen on {port}:\n{}",
                self.log(name)
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What a box wrote, without the texts of messages: those are logged below its level.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.join(format!("{name}.log"))).unwrap_or_default()
    }
}

impl Drop for Kannel {
    fn drop(&mut self) {
        // smsbox first: it ends when bearerbox is gone, but says that as an error. `timeout` passes the signal on.
        for running in self.boxes.iter_mut().rev() {
            let pid = running.id().to_string();
            let ended = Command::new("kill").args(["-TERM", &pid]).status();
            ended.expect("`kill` is there");
            running.wait().expect("it is ours");
        }
        std::fs::remove_dir_all(&self.home).expect("it is ours");
    }
}

struct Program {
    path: PathBuf,
    libraries: String,
}

/// What `make peers` unpacked, or else what the machine has.
fn program(name: &str) -> Program {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/kannel");
    let places = ["usr/lib", "lib"];
    let architecture = std::env::consts::ARCH;
    let libraries = places.map(|lib| {
        let place = unpacked.join(format!("{lib}/{architecture}-linux-gnu"));
        place.display().to_string()
    });
    let found = [unpacked.join("usr/sbin"), PathBuf::from(USUAL_HOME)]
        .map(|place| place.join(name))
        .into_iter()
        .find(|path| path.exists());
    Program {
        path: found.unwrap_or_else(|| {
            panic!("there is no `{name}` in .local/kannel nor in {USUAL_HOME}: this test needs Kannel. Run `make peers`, which unpacks it, or `sudo apt-get install kannel`")
        }),
        libraries: libraries.join(":"),
    }
}

fn configuration(ports: &Ports, message_centre: u16, hooks_url: &str) -> String {
    let Ports { admin, boxes, send } = ports;
    format!(
        r#"group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = only-in-a-test
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = {message_centre}
smsc-username = carillon
smsc-password = pass
system-type = ""
transceiver-mode = true
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
sendsms-port = {send}
sendsms-interface = 127.0.0.1
http-request-retry = 3
http-queue-delay = 1
max-pending-requests = 8
mo-recode = true

group = sendsms-user
username = carillon
password = only-in-a-test
max-messages = 20
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{hooks_url}?id=%I&from=%p&to=%P&text=%b&ts=%T&charset=%C&coding=%c"
"#
    )
}
