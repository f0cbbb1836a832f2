//! What people type about the cars there are: the decision, the car, its generation and its year, all at once.
//!
//! Every line is true: a text that will be understood better may change its place from [`ASKED`] to [`ACCEPTED`], no other way.

use super::super::{Decision, Query, Resolver};
use crate::Index;
use crate::vehicle::slug;

/// One car, without a question: its generation as said or as the year says, and the year.
const ACCEPTED: &[(&str, &str, &str, i16)] = &[
    ("камри 70", "toyota camry", "70", 0),
    ("камри 50", "toyota camry", "50", 0),
    ("тойота камри 2019", "toyota camry", "XV70", 2019),
    ("camry 2012", "toyota camry", "XV50", 2012),
    ("rfvhb 40", "toyota camry", "40", 0),
    ("камри xv70", "toyota camry", "XV70", 0),
    ("камри 98", "toyota camry", "", 1998),
    ("королла 150", "toyota corolla", "150", 0),
    ("королла е120", "toyota corolla", "E120", 0),
    ("toyota corolla 2010", "toyota corolla", "E150", 2010),
    ("степ вагон", "honda stepwgn", "", 0),
    ("степвагон рф3", "honda stepwgn", "RF3", 0),
    ("срв 3", "honda cr-v", "3", 0),
    ("cr-v 2018", "honda cr-v", "", 2018),
    ("хонда фит", "honda fit", "", 0),
    ("фитке полик", "honda fit", "", 0),
    ("одиссей rb1", "honda odyssey", "RB1", 0),
    ("аккорд 7", "honda accord", "7", 0),
    ("акорд", "honda accord", "", 0),
    ("bmw x5", "bmw x5", "", 0),
    ("w211", "mercedes-benz e-class", "W211", 0),
    ("мерс 210", "mercedes-benz e-class", "W210", 0),
    ("мерс w212", "mercedes-benz e-class", "W212", 0),
    ("е класс 2010", "mercedes-benz e-class", "", 2010),
    ("с класс w204", "mercedes-benz c-class", "W204", 0),
    ("ml 350", "mercedes-benz m-class", "", 0),
    ("gl 550", "mercedes-benz gl-class", "", 0),
    ("лексус rx 350", "lexus rx", "", 0),
    ("rx330", "lexus rx", "", 0),
    ("рх 330", "lexus rx", "", 0),
    ("лх 570", "lexus lx", "", 0),
    ("gx470", "lexus gx", "", 0),
    ("lx 570 2010", "lexus lx", "J200", 2010),
    ("солярис", "hyundai solaris", "", 0),
    ("салам, солариске полик барбы?", "hyundai solaris", "", 0),
    ("хендай акцент", "hyundai accent", "", 0),
    ("портер 2", "hyundai porter", "II", 0),
    ("соната 2015", "hyundai sonata", "LF", 2015),
    ("sonata lf", "hyundai sonata", "LF", 0),
    ("элантра", "hyundai elantra", "", 0),
    ("туксон 2018", "hyundai tucson", "TL", 2018),
    ("старекс", "hyundai starex", "", 0),
    ("kia rio", "kia rio", "", 0),
    ("киа рио 4", "kia rio", "4", 0),
    ("спортаж 3", "kia sportage", "3", 0),
    ("sportage", "kia sportage", "", 0),
    ("kia k5", "kia k5", "", 0),
    ("церато", "kia cerato", "", 0),
    ("на весту чехлы есть?", "lada vesta", "", 0),
    ("гранта", "lada granta", "", 0),
    ("приора", "lada priora", "", 0),
    ("ваз 2109", "lada 2109", "", 0),
    ("матиз", "daewoo matiz", "", 0),
    ("каптива", "chevrolet captiva", "", 0),
    ("лада 2114", "lada 2114", "", 0),
    ("lada 4x4", "lada niva", "", 0),
    ("шкода октавия а5", "skoda octavia", "A5", 0),
    ("октавия", "skoda octavia", "", 0),
    ("гольф 4", "volkswagen golf", "4", 0),
    ("golf 3", "volkswagen golf", "3", 0),
    ("пассат б5", "volkswagen passat", "B5", 0),
    ("passat b6", "volkswagen passat", "B6", 0),
    ("джетта", "volkswagen jetta", "", 0),
    ("поло", "volkswagen polo", "", 0),
    ("тигуан", "volkswagen tiguan", "", 0),
    ("ауди 80", "audi 80", "", 0),
    ("audi a6 c5", "audi a6", "C5", 0),
    ("100 ауди", "audi 100", "", 0),
    ("форестер", "subaru forester", "", 0),
    ("subaru forester sf5", "subaru forester", "SF5", 0),
    ("легаси", "subaru legacy", "", 0),
    ("аутбек 2003", "subaru outback", "", 2003),
    ("импреза", "subaru impreza", "", 0),
    ("икстрейл", "nissan x-trail", "", 0),
    ("x-trail t31", "nissan x-trail", "T31", 0),
    ("ноут", "nissan note", "", 0),
    ("теана", "nissan teana", "", 0),
    ("альмера", "nissan almera", "", 0),
    ("мазда 6", "mazda 6", "", 0),
    ("мазда 3 bk", "mazda 3", "BK", 0),
    ("mazda cx-5", "mazda cx-5", "", 0),
    ("демио", "mazda demio", "", 0),
    ("митсубиси паджеро", "mitsubishi pajero", "", 0),
    ("паджеро 4", "mitsubishi pajero", "4", 0),
    ("лансер 9", "mitsubishi lancer", "IX", 0),
    ("аутлендер", "mitsubishi outlander", "", 0),
    ("делика", "mitsubishi delica", "", 0),
    ("лэндкрузер 200", "toyota land-cruiser", "200", 0),
    ("тлк 100", "toyota land-cruiser", "100", 0),
    ("прадо 120", "toyota land-cruiser-prado", "120", 0),
    ("prado 150", "toyota land-cruiser-prado", "150", 0),
    ("рав4", "toyota rav4", "", 0),
    ("рав 4 2020", "toyota rav4", "XA50", 2020),
    ("rav4", "toyota rav4", "", 0),
    ("хайлендер", "toyota highlander", "", 0),
    ("ипсум", "toyota ipsum", "", 0),
    ("спасио 2001", "toyota corolla-spacio", "", 2001),
    ("авенсис версо 2005", "toyota avensis-verso", "M20", 2005),
    ("виш", "toyota wish", "", 0),
    ("виста ардео", "toyota vista-ardeo", "", 0),
    ("чайзер", "toyota chaser", "", 0),
    ("краун", "toyota crown", "", 0),
    ("альфард", "toyota alphard", "", 0),
    ("эстима", "toyota estima", "", 0),
    ("сиенна", "toyota sienna", "", 0),
    ("сиента", "toyota sienta", "", 0),
    ("вито", "mercedes-benz vito", "", 0),
    ("дэу нексия", "daewoo nexia", "", 0),
    ("кобальт", "chevrolet cobalt", "", 0),
    ("спарк", "chevrolet spark", "", 0),
    ("ravon r4", "ravon r4", "", 0),
    ("тахо", "chevrolet tahoe", "", 0),
    ("эскалейд", "cadillac escalade", "", 0),
    ("форд фокус 2", "ford focus", "2", 0),
    ("мондео", "ford mondeo", "", 0),
    ("кангу", "renault kangoo", "", 0),
    ("пежо 307", "peugeot 307", "", 0),
    ("ситроен с4", "citroen c4", "", 0),
    ("опель астра", "opel astra", "", 0),
    ("вектра б", "opel vectra", "B", 0),
    ("зафира", "opel zafira", "", 0),
    ("вольво xc90", "volvo xc90", "", 0),
    ("xc60", "volvo xc60", "", 0),
    ("рендж ровер", "land-rover range-rover", "", 0),
    ("range rover sport", "land-rover range-rover-sport", "", 0),
    ("дискавери", "land-rover discovery", "", 0),
    ("порше кайен", "porsche cayenne", "", 0),
    ("макан", "porsche macan", "", 0),
    ("tesla model 3", "tesla model-3", "", 0),
    ("модель y", "tesla model-y", "", 0),
    ("джили монжаро", "geely monjaro", "", 0),
    ("geely coolray", "geely coolray", "", 0),
    ("хавал джолион", "haval jolion", "", 0),
    ("haval h6", "haval h6", "", 0),
    ("tiggo 7 pro", "chery tiggo-7-pro", "", 0),
    ("byd song", "byd song", "", 0),
    ("бид хань", "byd han", "", 0),
    ("zeekr 001", "zeekr 001", "", 0),
    ("лисян l9", "li-auto l9", "", 0),
    ("li l7", "li-auto l7", "", 0),
    ("changan cs75", "changan cs75", "", 0),
    ("уаз патриот", "uaz patriot", "", 0),
    ("инфинити fx35", "infiniti fx35", "", 0),
    ("qx56", "infiniti qx56", "", 0),
    ("акура mdx", "acura mdx", "", 0),
    ("додж карaван", "dodge caravan", "", 0),
    ("джип гранд чероки", "jeep grand-cherokee", "", 0),
    ("wrangler", "jeep wrangler", "", 0),
    ("мазада 6", "mazda 6", "", 0),
    ("субару форестр", "subaru forester", "", 0),
    ("хонда одисей", "honda odyssey", "", 0),
    ("тойота каролла", "toyota corolla", "", 0),
    ("мерседес спринтер", "mercedes-benz sprinter", "", 0),
    ("ce,fhe ktufcb", "subaru legacy", "", 0),
    ("[jylf abn", "honda fit", "", 0),
    ("вольтсваген пассат", "volkswagen passat", "", 0),
    ("фольксваген б5", "volkswagen passat", "B5", 0),
    ("ниссан альмера классик", "nissan almera-classic", "", 0),
    ("nissan almera classic 2008", "nissan almera-classic", "B10", 2008),
    ("хундай гетц", "hyundai getz", "", 0),
    ("гетс", "hyundai getz", "", 0),
    ("пиканто", "kia picanto", "", 0),
    ("мг 5", "mg 5", "", 0),
    ("бмв 7", "bmw 7-series", "", 0),
    ("бмв трешка", "bmw 3-series", "", 0),
    ("семерка бмв е38", "bmw 7-series", "E38", 0),
    ("пятерка бмв", "bmw 5-series", "", 0),
    ("камри тридцатка", "toyota camry", "30", 0),
    ("камри сороковка", "toyota camry", "40", 0),
    ("пробокс", "toyota probox", "", 0),
    ("калдина", "toyota caldina", "", 0),
    ("фанкарго", "toyota funcargo", "", 0),
];

/// A question, with this car first (or this brand, where no model is named) and at least so many to choose from.
const ASKED: &[(&str, &str, usize)] = &[
    ("х5", "bmw x5", 2),
    ("нива", "lada niva", 2),
    ("шкода", "skoda", 1),
    ("ниссан", "nissan", 1),
    ("тундра", "toyota tundra", 1),
    ("спринтер", "mercedes-benz sprinter", 2),
    ("спринтерге полик канча турат", "mercedes-benz sprinter", 2),
    ("смарт", "smart", 1),
    ("джентра", "daewoo gentra", 2),
    ("малибу", "chevrolet malibu", 1),
    ("транзит", "ford transit", 1),
    ("тесла", "tesla", 1),
    ("чанган", "changan", 1),
    ("соболь", "gaz sobol", 1),
    ("волга", "gaz volga", 1),
    ("камаз", "kamaz", 1),
    ("крайслер", "chrysler", 1),
    ("мицубиши", "mitsubishi", 1),
    ("тайота", "toyota", 1),
    ("камри и королла", "toyota corolla", 2),
    ("тойота или хонда", "toyota", 2),
    ("девятка", "lada 2109", 1),
    ("лексус 470", "lexus", 1),
    ("лексус 570 2013", "lexus", 1),
];

/// No car at all.
const NO_CAR: &[&str] = &[
    "рахмат",
    "доставка в Ош есть?",
    "привет",
    "сколько стоит полик",
    "0555 123 456",
    "5000 сом",
    "мопед ямаха",
    "накидка 5д канча",
    "левый руль с бортами",
    "2018",
    "красный",
    "до свидания",
    "/start",
    "ghblex",
    "ntrjkjn",
];

fn resolve(query: &Query) -> (Decision, Vec<(String, String, i16)>) {
    let index = Index::shipped();
    let found = Resolver::new(index).resolve(query);
    let car = |it: super::super::Candidate| {
        let model = it.model.map(|model| format!(" {}", slug(&index.model(model).name))).unwrap_or_default();
        (slug(&index.brand(it.brand).name) + &model, it.generation, it.year.unwrap_or(0))
    };
    for candidate in &found.candidates {
        // A score is a chance: what is accepted is nearly sure, what is asked about is not.
        let likely = if found.decision == Decision::Accept { 0.97..=1.0 } else { 0.0..=0.95 };
        assert!(likely.contains(&candidate.score), "{:?}: {candidate:?}", query.text);
    }
    let scores: Vec<f32> = found.candidates.iter().map(|it| it.score).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{:?}: {scores:?}", query.text);
    assert!(found.decision == Decision::Accept || scores.iter().sum::<f32>() <= 1.001, "{:?}: {scores:?}", query.text);
    (found.decision, found.candidates.into_iter().map(car).collect())
}

fn of(text: &str) -> (Decision, Vec<(String, String, i16)>) {
    resolve(&Query { text, ..Query::default() })
}

#[test]
fn cars_are_accepted_asked_about_or_none() {
    let mut wrong = Vec::new();
    for (text, car, generation, year) in ACCEPTED {
        let found = of(text);
        let expected = (Decision::Accept, vec![((*car).to_owned(), (*generation).to_owned(), *year)]);
        if found != expected {
            wrong.push(format!("{text:?}: {found:?}, not {expected:?}"));
        }
    }
    for (text, car, least) in ASKED {
        let (decision, cars) = of(text);
        if decision != Decision::Choose || cars.len() < *least || cars.first().is_none_or(|first| first.0 != *car) {
            wrong.push(format!("{text:?}: {decision:?} {cars:?}, not {car}"));
        }
    }
    for text in NO_CAR {
        let found = of(text);
        if found != (Decision::None, Vec::new()) {
            wrong.push(format!("{text:?}: {found:?}, though it is no car"));
        }
    }
    assert!(wrong.is_empty(), "{} texts are read otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

/// A brand that is known from elsewhere is never overruled, however clearly the text names another brand's model.
#[test]
fn a_stated_brand_is_never_overruled() {
    let index = Index::shipped();
    let mut asked = 0;
    for (text, car, ..) in ACCEPTED.iter().step_by(4) {
        for brand in ["Toyota", "тойота", "toyota", "бмв", "BMW", "лада"] {
            let own = index.brand(Resolver::new(index).find_brand(brand).unwrap());
            let (decision, cars) = resolve(&Query { text, brand: Some(brand), ..Query::default() });
            let brand = slug(&own.name);
            assert!(cars.iter().all(|(car, ..)| car.split(' ').next() == Some(&brand)), "{text:?}, {brand}: {cars:?}");
            if car.split(' ').next() == Some(&brand) {
                assert!(decision != Decision::None && cars[0].0 == *car, "{text:?}, {brand}: {cars:?}");
            }
            asked += 1;
        }
    }
    assert!(asked > 150, "{asked}");
    let unheard = Query { text: "камри", brand: Some("абвгд"), ..Query::default() };
    assert_eq!(resolve(&unheard), (Decision::None, Vec::new()));
    let blank = Query { text: "камри", brand: Some("  "), ..Query::default() };
    assert_eq!(resolve(&blank).0, Decision::Accept);
}

/// Letter case, signs around a text, and words of talk beside a car's name change nothing.
#[test]
fn what_stands_around_a_name_changes_nothing() {
    for (text, car, generation, year) in
        ACCEPTED.iter().filter(|(text, ..)| !text.contains([';', ',', '[', '?'])).step_by(3)
    {
        let expected = (Decision::Accept, vec![((*car).to_owned(), (*generation).to_owned(), *year)]);
        for text in
            [text.to_uppercase(), format!("  {text} "), format!("{text}!!!"), format!("салам, {text} полик барбы?")]
        {
            assert_eq!(of(&text), expected, "{text:?}");
        }
    }
}

#[test]
fn a_year_known_besides_counts_unless_the_text_has_one() {
    let known = |text, year| resolve(&Query { text, year, ..Query::default() }).1.remove(0);
    assert_eq!(known("камри", Some(2012)), ("toyota camry".into(), "XV50".into(), 2012));
    assert_eq!(known("камри 2019", Some(2012)), ("toyota camry".into(), "XV70".into(), 2019));
    assert_eq!(known("камри 50", Some(2012)), ("toyota camry".into(), "50".into(), 2012));
    // A year in which it was not made is a doubt.
    assert_eq!(resolve(&Query { text: "камри", year: Some(1970), ..Query::default() }).0, Decision::Choose);
    assert_eq!(of("камри 1970").0, Decision::Choose);
}

#[test]
fn as_many_are_asked_about_as_wanted() {
    let count = |most| resolve(&Query { text: "х5", max_candidates: most, ..Query::default() }).1.len();
    let all = count(50);
    assert!(all >= 5, "{all}");
    assert_eq!((count(0), count(1), count(3), count(5)), (5, 1, 3, 5));
}
