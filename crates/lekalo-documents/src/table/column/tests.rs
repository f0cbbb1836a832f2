//! What columns are called in lists.

use super::*;

/// What columns are called in lists, and what each of them is.
const NAMES: &[(Column, &[&str])] = &[
    (Column::Id, &["ID", "№", "№ п/п", "#", "Код товара", "Артикул", "No"]),
    (
        Column::Brand,
        &[
            " МАРКА ",
            "Марка:",
            "Mарка",
            "МАРKА",
            "Марка а/м",
            "Марка ТС",
            "Марка (Brand)",
            "Марка авто",
            "Марка автомобиля",
            "Марка транспортного средства",
            "Производитель авто",
            "Бренд",
            "Car make",
            "Мake",
            "Унаанын маркасы",
            "Маркасы",
            "Көліктің маркасы",
            "Марка машины:",
        ],
    ),
    (
        Column::Model,
        &[
            "Модель",
            "Mодель",
            "Модель а/м",
            "Модель ТС",
            "Модель автомобиля",
            "Название модели",
            "Model name",
            "Унаанын модели",
            "Моделі",
            "Модель (поколение)",
            "Модель, год",
            "Модель / кузов",
        ],
    ),
    (
        Column::Car,
        &[
            "Автомобиль",
            "Авто",
            "Марка/Модель",
            "Марка и модель",
            "Марка, модель",
            "Марка / модель авто",
            "Марка, модель, год",
            "Наименование авто",
            "Название автомобиля",
            "Make & Model",
            "Vehicle",
            "Машина",
            "Унаа",
            "Көлік",
            "ТС",
            "Лекало=make+model",
        ],
    ),
    (Column::Series, &["Серия", "Series", "Серия авто"]),
    (Column::Generation, &["Поколение", "Generation", "Муун", "Буын", "Поколение авто"]),
    (
        Column::Year,
        &[
            "Год",
            "ГОДЫ",
            "Год выпуска",
            "Годы выпуска",
            "Г.в.",
            "Г/в",
            "Период",
            "Период выпуска",
            "Год вып.",
            "Year",
            "Years",
            "Model year",
            "Production years",
            "Жылы",
            "Чыккан жылы",
            "Шығарылған жылы",
            "Год с - по",
            "Период=years",
        ],
    ),
    (Column::YearFrom, &["Год с", "Год от", "Год выпуска с", "Год начала выпуска", "Начало выпуска", "Year from"]),
    (Column::YearTo, &["Год по", "Год до", "Год выпуска по", "Конец выпуска", "Year to"]),
    (Column::Body, &["Кузов", "Тип кузова", "Body type", "Body", "Кузову", "Номер кузова"]),
    (Column::Steering, &["Руль", "Расположение руля", "Steering", "Рулу"]),
    (Column::Seats, &["Мест", "Количество мест", "Кол-во мест", "Seats", "Ряды", "Орун саны", "Число рядов"]),
    (Column::Description, &["Описание", "Примечание", "Комплектация", "Описание товара", "Trim", "Сипаттамасы"]),
    (Column::Product, &["Наименование", "Наименование товара", "Товар", "Product name", "Аталышы", "Лекало"]),
    (Column::Availability, &["Наличие", "В наличии", "Остаток на складе", "Availability", "Кол-во"]),
    (Column::Price, &["Цена", "Цена, сом", "Цена 3D", "Стоимость", "Price", "Баасы", "Бағасы", "Оптовая цена"]),
];

#[test]
fn names_are_recognised_however_written() {
    for (column, names) in NAMES {
        for name in *names {
            assert_eq!(Column::from_header(name), Some(*column), "{name}");
        }
    }
}

#[test]
fn what_names_no_column_is_none() {
    for name in [
        "Камри",
        "",
        "-",
        "Цвет",
        "Привод",
        "Тип",
        "Тип авто",
        "Прайс-лист",
        "Prices of this season",
        "Toyota",
        "Цвет модели",
        "Год=",
        "x=y",
        "2018",
        "Модель 3",
    ] {
        assert_eq!(Column::from_header(name), None, "{name}");
    }
}

#[test]
fn a_column_that_says_itself_what_it_is_is_that() {
    for code in Column::codes() {
        let column = Column::from_header(&format!("Как угодно 5 = {code}"));
        assert_eq!(column.map(Column::code), Some(code));
    }
}

#[test]
fn a_header_names_a_car_and_something_else() {
    for names in [
        &["ID", "Марка", "Модель", "Год", "Описание"][..],
        &["Модель", "Год", "Цена"],
        &["Автомобиль", "Цена"],
        &["Марка", "Модель"],
        &["Наименование", "Цена"],
        &["Марка", "Год"],
        &["Тачка", "Период", "Сумма"],
        &["Модель", "Год", "Цена 5D", "Стоимость багажника"],
    ] {
        assert!(Column::is_header(names.iter().copied()), "{names:?}");
    }
    for cells in [
        &["1", "Марка", "Камри", "2018", "-"][..],
        &["Автомобили", "", ""],
        &["Прайс-лист", "Цена"],
        &["ID", "Марка"],
        &["ID", "Год", "Цена"],
        &["Toyota", "Camry", "Лекало", "в наличии"],
        &["Тачка", "Период", "Размер"],
    ] {
        assert!(!Column::is_header(cells.iter().copied()), "{cells:?}");
    }
}
