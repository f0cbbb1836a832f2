//! Names of cars that are everyday words, people's names or places as well: said without anything about a car, they mean none.
//!
//! A spelling in `data/vehicles.toml` that is a word in its own right belongs here. Names that people in the shops' towns know first
//! as a car ("гольф", "нива", "логан") do not.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::normalize;

const WORDS: &str = "
    капитал океан санта плато актив альянс базис вектор импульс юниор орбита стимул меркурий ягуар
    абсолют адмирал акцент алмаз амулет арена аристократ арсенал артура атлас атлет аура аврора аксиома баллада бинго бит бой бою болт бонус
    боксер бочка браво бриз булка бычок вега верна весна вид вида виктор виста волга волчок вольт восьмерка гала газель газон гений гения
    гладиатор годзилла горизонт грация грейс девятка дельта дельфин дерби десятка джаз джинн диско династия дуэт дует жук зефир идеал икон икс икона
    империя ина интеграл интрига искра каньон каприз кабан кавалер каравана караван карма карнавал каскада калибр калибра квест киви кид кинг клевер клик
    командор комбо комендант компас концерт копейка корвет корона костер креста кросс круиз круз куб кубик кукушка кураж куста лагуна ландшафт
    латте лайт левин легенд легенда леопард лесник лидер лирика лион люкс макарон макс максима манго марш марша марк маркиз марс мастер
    матрица матрикс материя мега микс мир мира мираж мистик монстр мото муза мультик навигатор надежда наутилус нота ноты нот оазис ода одиссей одиссея
    октава омега орион панда паспорт партнер партер патриот патруль пегас персона пикап пикник пилот пирожок победа пони порт премьера президент
    прелюдия прима пример примера призма принц принцип проба проб пробок пробе прогресс пролог профи пума пятерка рай революция рекорд рекс
    рог роза рома роман руна самурай сани сафари сейф семерка сенат сенатор символ симбиоз сигма сигал сила сил сильвия силуэт сирена сити скай скала скорпион
    скат соболь сонет спектр спектра спин спринт спринтер старт стар стела стелс стрит таблетка тайга талисман танк тара театр тезис терра
    территория тигр тигра титан тор торрент торнадо тоска тостер транзит транзита трафик тройка труба тундра тюлень ука факел фаворит
    фамилия фантом фигаро феникс фермер фокс фокус форвард форт фри фрегат харизма хан хрома чайка четверка чемпион чин шанс шах шаха шатл шаттл шейх
    шестерка шума эверест эволюция экспедиция эксперт экспресс экскурсия элемент эль эльф эскорт эссе эхо ест яхт яхта
    агент айва алекс алиса алина аркадия артур вера вита виктория глория дана дина джимми джулия джульетта джойс зои каспер карина керри
    карри кароль ксения лада лена леон леоне лиза линда мальвина марина миллер мона надя немо нина ной оливия патрик полина рита роки рокки роса сара селена
    серена соня стелла торрес элиза эмира юлия
    алеппо верона гранада дакота доминго калифорния колорадо латвия малибу милан монтана орландо панама пекин самара севилья сантана сиена толедо латинская
    one city president air free move morning light street march chance song cross county star view wish king step forward range born daily safe huge mark note
    century beat california focus quick friday leader master wonder spring sweet dream rich carry freedom partner click fashion soul chairman
    cast spirit progress wake raise edge victory sky prince mix flying crew ocean ray honor express max fox journey escape vision stream
    carrying territory universe senator tank crown grace expert revolution origin sing pilot commander miller junior pride rush element colorado cloud
    trail discovery bonus legend jimmy passion ideal naked avenue ghost evolution dragon yep rapid spin enterprise legacy hunter seed glory landscape
    liberty twin arena fighter courage jazz symbol arsenal seal succeed logo galaxy quest dawn mars cooper venture spider venue civilian leaf gravity
    phoenix clever laser blade insight cargo runner cherry proceed victor shine rocky icon marvel sunshine paradise swift farmer accent
    thunder deer defender shark matrix horizon kicks sunny rainbow outlook passport rabbit buzz milan echo orlando bolt dignity fusion
    continental mega cannon sail inspire escort admiral probe expedition spark whale frontier spike superb canyon boarding troy terrain vibe wizard mentor
    suburban clarity shuttle rogue landmark ranger karma dynasty surf breeze relay pickup carnival radius splash explorer applause cube yacht eclipse pony picnic
    atlas combo freestyle great very every next family today face life
";

static ORDINARY: LazyLock<HashSet<String>> = LazyLock::new(|| WORDS.split_whitespace().map(normalize::key).collect());

/// Whether a key is an everyday word.
pub(super) fn is_ordinary(key: &str) -> bool {
    ORDINARY.contains(key)
}
