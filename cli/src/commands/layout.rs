//! `seatgrid layout`: draw a layout file, or check it.

use std::path::PathBuf;

use clap::Subcommand;
use client_sdk::layout::{Layout, ZoneKind};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Show, pairs};

#[derive(Debug, Subcommand)]
pub(crate) enum LayoutCommand {
    /// Draw a layout.
    Show {
        /// The file.
        file: PathBuf,
    },
    /// Check layout files.
    Lint {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Serialize)]
struct Summary {
    file: String,
    name: String,
    seats: usize,
    general_admission: u64,
    rows: usize,
    zones: Vec<String>,
    #[serde(skip)]
    drawing: String,
}

#[derive(Debug, Serialize)]
struct Lint {
    layouts: Vec<Summary>,
}

impl Show for Summary {
    fn text(&self) -> String {
        self.drawing.clone()
    }
}

impl Show for Lint {
    fn text(&self) -> String {
        let lines = self.layouts.iter().map(|layout| {
            let (seats, standing) = (layout.seats, layout.general_admission);
            pairs(&[(
                &layout.file,
                format!("ok: {}, {seats} seats, {standing} places without seats", layout.name),
            )])
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn run(context: &Context, command: LayoutCommand) -> Result<(), Failure> {
    match command {
        LayoutCommand::Show { file } => context.print(&read(&file)?),
        LayoutCommand::Lint { files } => {
            let layouts = files.iter().map(read).collect::<Result<_, _>>()?;
            context.print(&Lint { layouts })
        }
    }
}

fn read(file: &PathBuf) -> Result<Summary, Failure> {
    let layout = Layout::read(file)?;
    let zones = layout.zones.iter().map(|zone| match zone.kind {
        ZoneKind::Numbered => zone.name.clone(),
        ZoneKind::GeneralAdmission { capacity } => format!("{} ({capacity} places)", zone.name),
    });
    Ok(Summary {
        file: file.display().to_string(),
        name: layout.name.clone(),
        seats: layout.seat_count(),
        general_admission: layout.general_admission_capacity(),
        rows: layout.rows.len(),
        zones: zones.collect(),
        drawing: layout.render_text().trim_end().to_owned(),
    })
}
