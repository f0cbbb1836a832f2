//! Whole lists, each with columns of its own: what is read of every row. Cars are those of [`super::CARS`].

use super::*;
use lekalo_documents::table::HeaderRow;

/// A list as CSV without quotes, its header first; cells stand between bars.
fn list(lines: &[&str]) -> Table {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let (header, rows) = lines.split_first().unwrap();
    let row = |(row_number, line): (i32, &&str)| TableRow { page_number: 1, row_number, cells: cells(line) };
    Table { header: cells(header), rows: (1..).zip(rows).map(row).collect(), ..Table::default() }
}

fn cleaned(lines: &[&str]) -> Vec<CleanRow> {
    clean(&list(lines), &Index::new(Reference::parse(CARS).unwrap())).unwrap()
}

/// Brand, model, generation, years; a heading says so, what is rejected says why.
fn said(row: &CleanRow) -> String {
    if row.is_header {
        return "heading".to_owned();
    }
    if !row.is_accepted() {
        return codes(row).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    }
    let years = [row.years.from, row.years.to].map(|year| year.map_or(String::new(), |year| year.to_string()));
    let car = format!("{} {} {} {}", row.brand, row.model, row.generation, years.join("-"));
    let issues = row.issues.iter().map(|issue| format!(" !{}", issue.code)).collect::<String>();
    format!("{}{issues}", car.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(" -"))
}

#[test]
fn every_kind_of_list_is_read() {
    let lists: &[(&str, &[&str], &[&str])] = &[
        (
            "make and model in one",
            &["Автомобиль|Год|Цена", "Zorva Melinda 40|2018|2400", "Кранц К-класс W412|2015|2400"],
            &["Zorva Melinda 40 2018-2018", "Kranz K-Class W412 2015-2015"],
        ),
        (
            "years and steering in the same cell",
            &["Марка/модель|Цена", "Zorva Melinda (2014 - н.в.) правый руль|2400"],
            &["Zorva Melinda 2014-"],
        ),
        (
            "what is sold",
            &[
                "Наименование товара|Цена",
                "Коврики EVA в салон для Zorva Melinda 2010-2014|1",
                "EVA коврики Kranz Bertolino|2",
            ],
            &["Zorva Melinda 2010-2014", "Kranz Bertolino"],
        ),
        ("«Авто» beside a model", &["Авто|Модель|Год", "Zorva|Melinda|2018"], &["Zorva Melinda 2018-2018"]),
        (
            "a brand's column alone",
            &["Марка а/м|Модельный год|Баасы", "Zorva Melinda|2018|1"],
            &["Zorva Melinda 2018-2018"],
        ),
        (
            "years in two columns",
            &[
                "Марка|Модель|Год с|Год по",
                "Zorva|Melinda|2012|2017",
                "Zorva|Sheba|1991|",
                "Kranz|Bertolino||2010",
                "Kranz|Bertolino|2010|н.в.",
                "Kranz|Bertolino|2015|2010",
            ],
            &[
                "Zorva Melinda 2012-2017",
                "Zorva Sheba 1991-",
                "Kranz Bertolino -2010",
                "Kranz Bertolino 2010-",
                "Kranz Bertolino !year_invalid",
            ],
        ),
        (
            "a body's column with generations",
            &["Марка|Модель|Кузов", "Kranz|K-Class|W412", "Kranz|K-Class|седан", "Kranz|K-Class|седан W412"],
            &["Kranz K-Class W412", "Kranz K-Class", "Kranz K-Class W412"],
        ),
        (
            "a generation's column",
            &[
                "Марка|Модель|Поколение",
                "Zorva|Melinda|2",
                "Zorva|Melinda|II",
                "Zorva|Melinda|RF3",
                "Zorva|Melinda|второе поколение",
            ],
            &["Zorva Melinda 2", "Zorva Melinda 2", "Zorva Melinda RF3", "Zorva Melinda 2"],
        ),
        (
            "headings and a make's column",
            &["Марка|Модель|Год", "ZORVA||", "|Melinda 40|2018", "|Sheba|1995", "KRANZ||", "|Bertolino|2015"],
            &["heading", "Zorva Melinda 40 2018-2018", "Zorva Sheba 1995-1995", "heading", "Kranz Bertolino 2015-2015"],
        ),
        (
            "headings above rows that say it again",
            &[
                "Марка|Модель|Год",
                "ZORVA||",
                "Zorva|Melinda|2018",
                "Zorva|Sheba|1995",
                "KRANZ||",
                "Kranz|Bertolino|2015",
            ],
            &["heading", "Zorva Melinda 2018-2018", "Zorva Sheba 1995-1995", "heading", "Kranz Bertolino 2015-2015"],
        ),
        (
            "headings and no make's column",
            &["№|Модель|Год|Цена", "Автомобили ZORVA|||", "1|Melinda|2018|5", "KRANZ (Кранц)|||", "2|Bertolino|2015|5"],
            &["heading", "Zorva Melinda 2018-2018", "heading", "Kranz Bertolino 2015-2015"],
        ),
        (
            "the make given once",
            &[
                "Марка|Модель|Год",
                "Zorva|Melinda|2018",
                "|Sheba|1995",
                "|Shogun|2006",
                "Kranz|Bertolino|2015",
                "|K 412|2014",
            ],
            &[
                "Zorva Melinda 2018-2018",
                "Zorva Sheba 1995-1995",
                "Zorva Shogun 2006-2006",
                "Kranz Bertolino 2015-2015",
                "Kranz K-Class W412 2014-2014",
            ],
        ),
        (
            "make and model given once",
            &["Марка|Модель|Год", "Zorva|Melinda|2010-2012", "||2013-2015", "||2016", "Kranz|Bertolino|2015", "||"],
            &[
                "Zorva Melinda 2010-2012",
                "Zorva Melinda 2013-2015",
                "Zorva Melinda 2016-2016",
                "Kranz Bertolino 2015-2015",
                "empty_row",
            ],
        ),
        (
            "marks for what is above",
            &["Марка|Модель|Год", "Zorva|Melinda|2010", "-//-|-//-|2013", "\"|Sheba|1995"],
            &["Zorva Melinda 2010-2010", "Zorva Melinda 2013-2013", "Zorva Sheba 1995-1995"],
        ),
        (
            "a make that is lacking once is not guessed",
            &[
                "Марка|Модель|Год",
                "Zorva|Melinda|2010",
                "Zorva|Sheba|1995",
                "Zorva|Shogun|2006",
                "Zorva|Melinda|2011",
                "|5|2015",
            ],
            &[
                "Zorva Melinda 2010-2010",
                "Zorva Sheba 1995-1995",
                "Zorva Shogun 2006-2006",
                "Zorva Melinda 2011-2011",
                "make_missing",
            ],
        ),
        (
            "the sheet says the make",
            &["Модель|Год|Лист", "Melinda|2015|Zorva", "K 412|2015|Kranz"],
            &["Zorva Melinda 2015-2015", "Kranz K-Class W412 2015-2015"],
        ),
        (
            "names that say nothing",
            &["Позиция А|Группа|Когда", "Zorva Melinda|x|2010-2012", "Zorva Sheba|x|1995", "Kranz Bertolino|x|2014+"],
            &["Zorva Melinda 2010-2012", "Zorva Sheba 1995-1995", "Kranz Bertolino 2014-"],
        ),
        (
            "columns that say what they are",
            &["Лекало 1=make+model|Когда=years", "Zorva Melinda|2010"],
            &["Zorva Melinda 2010-2010"],
        ),
        (
            "the series where the model says nothing",
            &["Марка|Серия|Модель", "Kranz|Bertolino|Комфорт", "Kranz|K-Class|K 412"],
            &["Kranz Bertolino", "Kranz K-Class W412"],
        ),
        (
            "what the shop does not have",
            &[
                "Марка|Модель|Наличие",
                "Zorva|Melinda|есть",
                "Zorva|Melinda|нет",
                "Zorva|Sheba|под заказ",
                "Zorva|Shogun|?",
            ],
            &["Zorva Melinda", "unavailable", "Zorva Sheba !to_order", "Zorva Shogun !to_order"],
        ),
    ];
    for (what, lines, expected) in lists {
        let said: Vec<String> = cleaned(lines).iter().map(said).collect();
        assert_eq!(said, *expected, "{what}");
    }
}

#[test]
fn columns_about_one_thing_are_read_as_it_and_leave_the_notes() {
    let rows = cleaned(&[
        "Марка|Модель|Кузов|Руль|Мест|Описание|Примечание|Цвет",
        "Zorva|Melinda|универсал|справа|7|с бортами|гибрид|белый",
        "Zorva|Melinda купе|седан|слева|5|||",
    ]);
    let [first, second] = rows.as_slice() else { panic!("{rows:?}") };
    let attributes = &first.attributes;
    assert_eq!((attributes.steering, attributes.seat_rows), (Some(Steering::Right), Some(SeatRows::Three)));
    assert_eq!((attributes.borders, first.body_type), (Some(Borders::With), Some(BodyType::Wagon)));
    assert_eq!((first.notes.as_str(), first.issues.as_slice()), ("гибрид", [].as_slice()));
    assert_eq!((second.body_type, codes(second)), (Some(BodyType::Coupe), vec![IssueCode::ColumnsShifted]));
}

#[test]
fn what_columns_are_used_as_is_told() {
    let index = Index::new(Reference::parse(CARS).unwrap());
    let table = list(&["№|Марка|Модель|Тип|Цена", "1|Zorva|Melinda|седан|5"]);
    let cleaner = Cleaner::new(&table.header, &table.rows, &index).unwrap();
    let told = cleaner.columns().summary(&table.header);
    assert_eq!(told, "№ → id, Марка → make, Модель → model; not used: Тип, Цена");
}

#[test]
fn a_title_above_the_header_may_be_the_heading() {
    let mut table = list(&["Модель|Год", "Melinda|2015"]);
    let title = |cells: &[&str]| HeaderRow { page_number: 1, cells: cells.iter().map(|it| (*it).to_owned()).collect() };
    table.headers = vec![title(&["ZORVA"]), title(&["Модель", "Год"])];
    let row = clean(&table, &Index::new(Reference::parse(CARS).unwrap())).unwrap().remove(0);
    assert_eq!(said(&row), "Zorva Melinda 2015-2015");
}
