"""Encodings found: every one of them, in short and long tables, and never in the place of UTF-8."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.files.encoding.guess import CANDIDATES, fields_beyond_ascii, guess
from pipeline.files.problems import UnreadableFile
from pipeline.files.text import TextSource, detect, read_sample, to_text, to_utf8
from pipeline_tests.files.reading import write

_WORDS = {
    "de": "Müller Größe Straße Köln München Düsseldorf Übergabe Änderung Öffnung Fußgänger Höhe verfügbar für über Prüfung",
    "fr": "Élodie François Hélène Besançon déjà été livré à réception façade château forêt noël naïf où sûr février août",
    "es": "Señor Muñoz Málaga Cádiz León año mañana teléfono dirección código descripción también pingüino José",
    "pl": "Łódź Gdańsk Wrocław Świętokrzyskie ćwiczenie źródło książka złoty ilość część będzie są które państwo",
    "cs": "Plzeň Řehoř Dvořák České Budějovice Ústí příjmení množství částka účet číslo že může není týden září říjen",
    "ru": "Москва Иванов Петрова Сергей Новосибирск цена количество заказ клиент адрес улица описание оплачено ещё",
    "el": "Αθήνα Θεσσαλονίκη Παπαδόπουλος Ελένη τιμή ποσότητα παραγγελία πελάτης διεύθυνση οδός πόλη Άννα ήταν",
    "tr": "İstanbul İzmir Eskişehir Şanlıurfa Çağrı Yıldız Güneş müşteri açıklama şehir ödeme değil için çalışma",
    "he": "ירושלים חיפה כהן לוי מזרחי דוד רחל מחיר כמות הזמנה לקוח כתובת רחוב עיר מוצר תיאור שולם משלוח",
    "ar": "القاهرة الرياض محمد أحمد فاطمة علي السعر الكمية الطلب العميل العنوان شارع مدينة المنتج الوصف مدفوع",
    "ja": "東京都 大阪市 横浜 田中 鈴木一郎 商品名 価格 数量 注文 顧客 住所 カタカナ コーヒー テーブル について 表示 予定 能力 ソース",
    "zh": "北京市 上海 广州 王伟 李娜 张敏 产品名称 价格 数量 订单 客户 地址 已付款 发货 有限公司 人民路 说明 电脑",
    "zt": "台北市 高雄 王小明 李美玲 張志豪 產品名稱 價格 數量 訂單 客戶 地址 已付款 出貨 有限公司 中正路 說明 電腦 功能",
    "ko": "서울특별시 부산 대구 김철수 이영희 박지성 상품명 가격 수량 주문 고객 주소 결제완료 배송 합니다 입니다",
    "th": "กรุงเทพมหานคร เชียงใหม่ สมชาย ราคา จำนวน คำสั่งซื้อ ลูกค้า ที่อยู่ ถนน เมือง สินค้า จัดส่ง",
}
_UTF = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_CODECS = {
    "de": ("cp1252", "latin-1", "iso8859-15", "cp437", "cp850", "mac-roman", *_UTF),
    "fr": ("cp1252", "latin-1", "iso8859-15", "cp850", "mac-roman"),
    "es": ("cp1252", "latin-1", "mac-roman"),
    "pl": ("cp1250", "iso8859-2", "cp852"),
    "cs": ("cp1250", "iso8859-2", "cp852"),
    "ru": ("cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic", *_UTF),
    "el": ("cp1253", "iso8859-7", "cp737"),
    "tr": ("cp1254", "iso8859-9"),
    "he": ("cp1255", "iso8859-8"),
    "ar": ("cp1256", "iso8859-6"),
    "ja": ("cp932", "euc-jp", "iso-2022-jp", "gb18030", *_UTF),
    "zh": ("gb18030", "gbk", "gb2312", *_UTF),
    "zt": ("big5", "cp950", "gb18030", *_UTF),
    "ko": ("cp949", "euc-kr", "iso2022_kr", *_UTF),
    "th": ("cp874",),
}
_EVERY = [(language, codec) for language, codecs in _CODECS.items() for codec in codecs]
_PLAIN = ("open", "paid", "Berlin", "total", "A12", "yes", "EUR")


def _table(language: str, rows: int, share: float, eol: str = "\n") -> str:
    """A table of `rows` records; `share` of its words are of the language, the others ASCII."""
    dice = random.Random(f"{language} {rows}")
    words = _WORDS[language].split()
    lines = ["id;date;name;note;price;qty"]
    for number in range(rows):
        name, note = (dice.choice(words if dice.random() < share else _PLAIN) for _ in range(2))
        day, price = f"2026-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}", dice.randrange(100_000)
        lines.append(f"{number};{day};{name};{note};{price / 100:.2f};{dice.randrange(100)}")
    return eol.join(lines) + eol


def _text_of(path: Path) -> tuple[TextSource, str]:
    source, _, _ = read_sample(path, None)
    with source.open() as stream:
        return source, to_utf8(stream.read(1 << 30), source.piece_encoding).decode()


@pytest.mark.parametrize(("language", "codec"), _EVERY)
@pytest.mark.parametrize(
    ("eol", "rows", "share"),
    [("\n", 12, 0.8), ("\r\n", 12, 0.8), ("\r", 60, 0.5), ("\n", 1200, 0.03), ("\r\n", 1500, 0.7)],
    ids=["short-lf", "short-crlf", "cr", "sparse-lf", "long-crlf"],
)
def test_every_encoding_comes_back(
    tmp_path: Path, language: str, codec: str, eol: str, rows: int, share: float
) -> None:
    text = _table(language, rows, share, eol)
    source, found = _text_of(write(tmp_path / "a.csv", text.encode(codec)))
    assert found == text
    if codec.startswith("utf-8"):
        assert source.encoding == "utf-8"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        *(
            ("don’t", "cp1252"),
            ("don’t", "mac-roman"),
            ("l’été", "cp1252"),
            ("5 €", "cp1252"),
            ("5 €", "iso8859-15"),
        ),
        *(
            ("25 °C", "cp1252"),
            ("12 m²", "cp1252"),
            ("“a” – b", "cp1252"),
            ("±3", "cp1252"),
            ("£5", "latin-1"),
        ),
        *(
            ("Köln", "cp1252"),
            ("GRÖSSE", "cp1252"),
            ("España", "cp1252"),
            ("São Paulo", "cp1252"),
            ("œuvre", "iso8859-15"),
        ),
        *(
            ("1½", "cp1252"),
            ("東京", "cp932"),
            ("北京", "gb18030"),
            ("서울", "cp949"),
            ("臺北", "big5"),
            ("Москва", "cp1251"),
        ),
        *(("Москва", "koi8-r"), ("Ελλάδα", "cp1253"), ("café", "mac-roman"), ("café", "cp850")),
    ],
)
def test_one_word_is_enough_where_it_is_clear(tmp_path: Path, text: str, codec: str) -> None:
    _, found = _text_of(write(tmp_path / "a.csv", f"id;name\n1;{text}\n2;plain\n".encode(codec)))
    assert found == f"id;name\n1;{text}\n2;plain\n"


def test_one_long_field_costs_no_more_than_many() -> None:
    assert fields_beyond_ascii(b"x" * 1_000_000 + b",caf\xe9,a\n") == [b"caf\xe9"]


def test_nothing_to_go_by_is_cp1252() -> None:
    assert guess([b"\xc8"]) == "cp1252"
    assert guess([b"\xe9\xe8\x81\xe0"]) == "latin-1"
    assert guess([]) == "cp1252"


@pytest.mark.parametrize("codec", ["cp932", "gb18030", "big5", "cp949", "euc-jp"])
def test_a_few_broken_bytes_do_not_change_the_encoding(codec: str) -> None:
    language = {"gb18030": "zh", "big5": "zt", "cp949": "ko"}.get(codec, "ja")
    data = _table(language, 300, 0.6).encode(codec).replace(b";", b";\xff", 6)
    fields = fields_beyond_ascii(data)
    assert guess(fields).replace("cp950", "big5") == codec


_CHARACTERS = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"), exclude_characters="\ufeff")


@given(st.text(st.one_of(_CHARACTERS, st.sampled_from('\n\r\t,;"a1 äé–東ж'))))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_valid_utf8_is_never_taken_for_anything_else(text: str) -> None:
    assert detect(Path("a.csv"), None, text.encode()).encoding == "utf-8"


@given(st.lists(st.text(_CHARACTERS, max_size=8), min_size=1), st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_nul_bytes_in_utf8_are_not_utf16(cells: list[str], data: st.DataObject) -> None:
    row = ",".join(["id", *cells, "end"])
    at = data.draw(st.integers(0, len(row)))
    content = b"number,name,place\n" * 20 + f"{row[:at]}\0{row[at:]}\n".encode()
    assert detect(Path("a.csv"), None, content).encoding == "utf-8"


def test_many_nul_bytes_in_ascii_are_not_utf16() -> None:
    content = b"".join(b"%d,\0a%d,\0\0b\n" % (i, i * i) for i in range(2000))
    assert detect(Path("a.csv"), None, content).encoding == "utf-8"


@pytest.mark.parametrize("seed", range(5))
def test_binary_data_is_refused(seed: int) -> None:
    with pytest.raises(UnreadableFile) as caught:
        detect(Path("a.csv"), None, random.Random(seed).randbytes(50_000))
    assert caught.value.code == "not_what_it_says"


@pytest.mark.parametrize(
    "content", [bytes(4000), bytes(range(256)) * 9, b"\0\0\0\1" * 900], ids=["nul", "all", "int"]
)
def test_numbers_in_binary_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFile) as caught:
        detect(Path("a.csv"), None, content)
    assert caught.value.code == "not_what_it_says"


def test_escapes_of_a_terminal_are_not_iso_2022() -> None:
    assert detect(Path("a.csv"), None, b"id;name\n1;\x1b[31mred\x1b[0m\n").encoding == "utf-8"


@pytest.mark.parametrize("codec", CANDIDATES)
def test_the_undecodable_stays_visible(codec: str) -> None:
    for byte in range(128, 256):
        text = to_text(b"a" + bytes([byte]), codec)
        assert text.startswith("a")
        assert len(text) == 2 or text == f"a\\x{byte:02x}"
