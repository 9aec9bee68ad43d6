//! A feed of one trip that works, to be broken in one place at a time.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use jiff::civil::{Date, date};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::gtfs::error::GtfsError;
use super::gtfs::{self, Feed, TripInstance};

/// A day on which the trip of [`Files::whole`] runs.
pub(crate) const DAY: Date = date(2026, 6, 1);

/// The files of a feed, by name.
#[derive(Clone)]
pub(crate) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// One trip `t` of the route `7`, every day at 08:00 from A by B to C.
    pub(crate) fn whole() -> Self {
        let mut files = Self(BTreeMap::new());
        for (name, text) in [
            ("agency.txt", "agency_name,agency_timezone\nLine,Europe/Berlin\n"),
            ("stops.txt", "stop_id,stop_name\na,Aach\nb,Bern\nc,Celle\n"),
            ("routes.txt", "route_id,route_short_name,route_long_name\nr,7,Seven\n"),
            (
                "calendar.txt",
                "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
                 daily,1,1,1,1,1,1,1,20260101,20301231\n",
            ),
            ("trips.txt", "trip_id,route_id,service_id,trip_headsign\nt,r,daily,Celle\n"),
            (
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,a,1\n\
                 t,09:00:00,09:10:00,b,2\n\
                 t,10:00:00,10:00:00,c,3\n",
            ),
        ] {
            files = files.with(name, text);
        }
        files
    }

    /// With this content in a file, instead of what it has.
    pub(crate) fn with(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.0.insert(name.to_owned(), content.as_ref().to_owned());
        self
    }

    /// With more rows in a file.
    pub(crate) fn plus(mut self, name: &str, rows: &str) -> Self {
        self.0.entry(name.to_owned()).or_default().extend_from_slice(rows.as_bytes());
        self
    }

    /// Without a file.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// With every file changed.
    pub(crate) fn map(mut self, change: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        self.0.values_mut().for_each(|content| *content = change(content));
        self
    }

    /// Writes the files to a folder.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).expect("a temporary folder can be made");
        for (name, content) in &self.0 {
            std::fs::write(folder.join(name), content).expect("a temporary file can be written");
        }
    }

    /// Writes the files to an archive, each with `prefix` in front of its name.
    pub(crate) fn zip(&self, path: &Path, prefix: &str) {
        let file = std::fs::File::create(path).expect("a temporary file can be made");
        let mut zip = ZipWriter::new(file);
        for (name, content) in &self.0 {
            let options = SimpleFileOptions::default();
            zip.start_file(format!("{prefix}{name}"), options).expect("an entry can be begun");
            zip.write_all(content).expect("an entry can be written");
        }
        zip.finish().expect("an archive can be finished");
    }

    /// Reads the feed back.
    pub(crate) fn read(&self) -> Result<Feed, GtfsError> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        self.write(folder.path());
        gtfs::read(folder.path())
    }

    /// What runs on [`DAY`].
    pub(crate) fn day(&self) -> Vec<TripInstance> {
        let feed = self.read().unwrap_or_else(|error| panic!("{error}"));
        feed.instances(DAY, 1).collect()
    }
}
