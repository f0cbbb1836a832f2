//! The calibration as an SVG: a point for each class of scores, as high as it was right, as large as there are texts, with where the
//! truth may lie.

use super::calibration::Calibration;

const SIDE: f64 = 400.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 50.0;

/// A colour for each set of texts.
const COLOURS: [&str; 2] = ["#2563eb", "#d97706"];

/// The calibration of sets of texts, by what they are.
pub fn svg(sets: &[(&str, &Calibration)]) -> String {
    let x = |share: f64| LEFT + SIDE * share;
    let y = |share: f64| TOP + SIDE * (1.0 - share);
    let (width, height) = (LEFT + SIDE + 20.0, TOP + SIDE + BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>How often the first candidate was right, by its score</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for tenth in (0..=10).step_by(2) {
        let share = f64::from(tenth) / 10.0;
        svg += &format!(
            "<path d=\"M{:.1} {:.1}H{:.1}M{:.1} {:.1}V{:.1}\" stroke=\"#ddd\" fill=\"none\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{} %</text>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{share:.1}</text>\n",
            x(0.0),
            y(share),
            x(1.0),
            x(share),
            y(0.0),
            y(1.0),
            x(0.0) - 8.0,
            y(share) + 4.0,
            tenth * 10,
            x(share),
            y(0.0) + 18.0,
        );
    }
    svg += &format!(
        "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#999\" stroke-dasharray=\"4 4\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">score</text>\n\
         <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">right</text>\n",
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0),
        x(0.5),
        y(0.0) + 40.0,
        y(0.5),
    );
    for ((name, calibration), (colour, line)) in sets.iter().zip(COLOURS.iter().zip(1..)) {
        // Where scores that were right more often than they promise leave room.
        let (at, down) = (x(0.5) + 16.0, y(0.3) + 20.0 * f64::from(line));
        svg += &format!(
            "<circle cx=\"{at}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"/><text x=\"{}\" y=\"{down}\">{name}</text>\n",
            down - 4.0,
            at + 12.0,
        );
        for bin in calibration.bins() {
            let (least, most) = bin.interval();
            svg += &format!(
                "<path d=\"M{:.1} {:.1}V{:.1}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n\
                 <circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\" fill=\"{colour}\" fill-opacity=\"0.7\">\
                 <title>{} of mean score {:.2}: {:.0} % right</title></circle>\n",
                x(bin.mean()),
                y(least),
                y(most),
                x(bin.mean()),
                y(bin.right()),
                3.0 + (bin.count as f64).sqrt() / 8.0,
                bin.count,
                bin.mean(),
                100.0 * bin.right(),
            );
        }
    }
    svg + "</svg>\n"
}
