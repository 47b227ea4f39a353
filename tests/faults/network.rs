//! A network of its own: this machine, a wire, and machines at its other end, each a network namespace. A wire that forwards nothing is
//! silent as one that was cut is: packets are gone, in both directions, and nobody is told.

use std::process::Command;

use anyhow::ensure;

use crate::bed::{Bed, Skipped, needs, needs_root};

pub struct Network {
    /// The wire's namespace; those of the machines begin with it.
    wire: String,
    /// Addresses are `198.18.0.0/15`'s, which is set aside for tests (RFC 2544), and begin with these three numbers.
    prefix: String,
    machines: u8,
}

impl Network {
    /// # Errors
    /// [`Skipped`] where there can be none.
    pub fn new(bed: &Bed) -> anyhow::Result<Network> {
        needs_root("a network of its own")?;
        needs("ip", "iproute2")?;
        let number = bed.chance(65_536);
        let prefix = format!("198.{}.{}", 18 + number / 256 % 2, number % 256);
        let network = Network { wire: format!("sluice{number:04x}"), prefix, machines: 0 };
        network.lay().map_err(|error| Skipped(format!("no network namespace can be made here: {error}")))?;
        Ok(network)
    }

    fn lay(&self) -> anyhow::Result<()> {
        let (wire, prefix) = (&self.wire, &self.prefix);
        ip(&format!("netns add {wire}"))?;
        ip(&format!("link add {wire} type veth peer name here netns {wire}"))?;
        ip(&format!("address add {prefix}.1/30 dev {wire}"))?;
        ip(&format!("-n {wire} address add {prefix}.2/30 dev here"))?;
        ip(&format!("-n {wire} link set here up"))?;
        ip(&format!("link set {wire} up"))?;
        ip(&format!("route add {prefix}.0/24 via {prefix}.2"))?;
        // What is sent to a machine that is gone gets no answer.
        ip(&format!("-n {wire} route add blackhole {prefix}.0/24 metric 1000"))?;
        self.hear()
    }

    /// The address of this machine, as those at the other end know it.
    pub fn here(&self) -> String {
        format!("{}.1", self.prefix)
    }

    /// The addresses of all, for the server's rules.
    pub fn all(&self) -> String {
        format!("{}.0/24", self.prefix)
    }

    /// Sets up one more machine; gives the words that start a program on it.
    pub fn machine(&mut self) -> anyhow::Result<Vec<String>> {
        self.machines += 1;
        let (wire, prefix, number) = (&self.wire, &self.prefix, self.machines);
        let (name, first) = (format!("{wire}-{number}"), 4 * number);
        ip(&format!("netns add {name}"))?;
        ip(&format!("-n {wire} link add m{number} type veth peer name wire netns {name}"))?;
        ip(&format!("-n {wire} address add {prefix}.{}/30 dev m{number}", first + 1))?;
        ip(&format!("-n {name} address add {prefix}.{}/30 dev wire", first + 2))?;
        ip(&format!("-n {wire} link set m{number} up"))?;
        ip(&format!("-n {name} link set wire up"))?;
        ip(&format!("-n {name} route add default via {prefix}.{}", first + 1))?;
        Ok(["ip", "netns", "exec", &name].map(str::to_owned).to_vec())
    }

    /// The machine that was set up last is gone, and what it would still have sent with it: its namespace outlives its programs as long
    /// as one of their connections has something to send, so its wire goes.
    pub fn lose_machine(&self) -> anyhow::Result<()> {
        ip(&format!("-n {} link delete m{}", self.wire, self.machines))
    }

    /// From now on no packet arrives.
    pub fn silence(&self) -> anyhow::Result<()> {
        self.forward(0)
    }

    /// They do again.
    pub fn hear(&self) -> anyhow::Result<()> {
        self.forward(1)
    }

    fn forward(&self, yes: u8) -> anyhow::Result<()> {
        let script = format!("echo {yes} > /proc/sys/net/ipv4/ip_forward");
        run(Command::new("ip").args(["netns", "exec", &self.wire, "sh", "-c", &script]))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for number in 1..=self.machines {
            let _ = ip(&format!("netns delete {}-{number}", self.wire));
        }
        let _ = ip(&format!("netns delete {}", self.wire));
    }
}

fn ip(words: &str) -> anyhow::Result<()> {
    run(Command::new("ip").args(words.split(' ')))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let done = command.output()?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr).trim());
    Ok(())
}
