"""Writes documents.jsonl: chart M031, whose notes are PDFs. Run it in the development environment after changing it:

    python data/demo/make_documents.py

The file is checked in, so that the demo needs neither fpdf2 nor Pillow. Everything in it is invented, as in charts.jsonl.
"""

# ruff: noqa: E501 - the sentences of notes stay whole

import base64
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFilter, ImageFont

OUT = Path(__file__).with_name("documents.jsonl")
MEMBER = "Patient: Philippa Ravensdale-Okoro    DOB: 05/22/1951    MRN 400931"
PLAN = "Continue as above. Call with weight gain of three pounds in a day or five in a week, or swelling."


class Record(FPDF):
    def __init__(self, clinic: str, day: str, provider: str):
        super().__init__(format="letter", unit="pt")
        self.clinic, self.day, self.provider = clinic, day, provider
        self.pictures: set[int] = set()  # pages without head and foot, which would be text
        self.set_creation_date(datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC))  # the same bytes each time
        self.set_margins(56, 50)
        self.set_auto_page_break(True, 60)

    def header(self) -> None:
        if self.page_no() in self.pictures:
            return
        self.set_font("helvetica", "B", 13)
        self.set_text_color(24, 62, 82)
        self.cell(0, 18, self.clinic)
        self.ln(18)
        self.set_text_color(0)
        self.set_font("helvetica", size=9)
        self.cell(0, 12, MEMBER)
        self.ln(12)
        self.cell(0, 12, f"Date of service: {self.day}    Provider: {self.provider}")
        self.ln(16)
        self.line(56, self.get_y(), 556, self.get_y())
        self.ln(10)

    def footer(self) -> None:
        if self.page_no() in self.pictures:
            return
        self.set_y(-40)
        self.set_font("helvetica", size=8)
        self.cell(0, 12, f"Page {self.page_no()}", align="R")

    def section(self, title: str, *paragraphs: str) -> None:
        self.set_font("helvetica", "B", 10)
        self.cell(0, 15, title.upper())
        self.ln(15)
        self.set_font("helvetica", size=10)
        for paragraph in paragraphs:
            self.multi_cell(0, 13.5, paragraph, new_x="LMARGIN", new_y="NEXT")
            self.ln(5)
        self.ln(4)

    def results(self, *rows: tuple[str, ...]) -> None:
        for number, row in enumerate(rows):
            self.set_font("helvetica", "B" if number == 0 else "", 9)
            for cell, width in zip(row, (150, 80, 110, 150), strict=True):
                self.cell(width, 15, cell, border="B")
            self.ln(15)
        self.ln(10)

    def signed(self, credential: str) -> None:
        self.set_font("helvetica", size=10)
        self.multi_cell(0, 14, f"Electronically signed by {self.provider}, {credential} {self.day}")

    def scanned(self, draw: Callable[[ImageDraw.ImageDraw], None], tilt: float) -> None:
        """A page as a scanner makes it: a picture, a little askew, without a letter of text."""
        sheet = Image.new("L", (918, 1188), 250)
        draw(ImageDraw.Draw(sheet))
        sheet = sheet.rotate(tilt, fillcolor=244, resample=Image.Resampling.BICUBIC).filter(
            ImageFilter.GaussianBlur(0.7)
        )
        self.pictures.add(self.page_no() + 1)
        self.add_page()
        self.image(sheet.quantize(8), 0, 0, self.w, self.h)


def lines(at: int, size: int, *texts: str) -> Callable[[ImageDraw.ImageDraw], None]:
    def draw(sheet: ImageDraw.ImageDraw) -> None:
        font = ImageFont.load_default(size)
        for number, text in enumerate(texts):
            sheet.text((90, at + number * int(size * 1.7)), text, fill=40, font=font)

    return draw


def office_visit() -> bytes:
    page = Record("QUARRY ROAD INTERNAL MEDICINE", "02/17/2026", "Tobias Ferncastle")
    page.add_page()
    page.section(
        "Subjective",
        "Mrs. Ravensdale-Okoro is a 74-year-old woman here for a three-month visit for diabetes, kidney disease and heart "
        "failure. Home glucose 121 to 158 before breakfast. Sleeps on one pillow, walks two blocks, no swelling since the "
        "furosemide was raised in November. Numbness of both feet to the ankles, worse at night. No chest pain.",
    )
    page.section(
        "Past history",
        "Stroke in her mother at 80. Cholecystectomy 1998. No history of myocardial infarction.",
    )
    page.section(
        "Medications",
        "Metformin 500 mg twice a day, empagliflozin 10 mg daily, losartan 50 mg daily, carvedilol 12.5 mg twice a day, "
        "furosemide 40 mg daily, gabapentin 300 mg at night, atorvastatin 40 mg daily.",
    )
    page.section(
        "Objective",
        "BP 128/74, pulse 68, weight 171 lb (169 in November). Lungs clear. No edema. Monofilament absent at 6 of 10 sites "
        "on both feet, pulses present, skin whole.",
    )
    page.results(
        ("Test", "Result", "Unit", "Reference"),
        ("Hemoglobin A1c", "7.4", "%", "below 5.7"),
        ("Creatinine", "1.58", "mg/dL", "0.50 to 1.10"),
        ("eGFR", "34", "mL/min/1.73 m2", "above 60"),
        ("Urine albumin/creatinine", "212", "mg/g", "below 30"),
        ("Potassium", "4.6", "mmol/L", "3.5 to 5.1"),
    )
    page.section(
        "Assessment and plan",
        "1. Type 2 diabetes with diabetic chronic kidney disease, CKD stage 3b, eGFR 34, albuminuria 212. Continue losartan "
        "and empagliflozin; repeat the kidney panel in three months.",
        "2. Diabetic polyneuropathy, monofilament absent, gabapentin 300 mg at night helps. Foot care reviewed.",
        "3. Chronic systolic heart failure, EF 35 percent last year, compensated, weight steady. Continue carvedilol and "
        "furosemide; cardiology in May.",
        "4. Hypertension, at goal on losartan.",
        PLAN,
    )
    page.signed("MD")
    page.scanned(
        lines(
            110, 25, "HARLOW RIDGE EYE CLINIC", "Report of dilated eye examination", "", "Philippa Ravensdale-Okoro   05/22/1951",
            "Seen 01/29/2026", "", "Right eye: moderate nonproliferative diabetic", "retinopathy, no macular edema.",
            "Left eye: the same.", "", "Return in six months.", "", "(signed by hand) I. Quillfeather, OD",
        ),
        0.9,
    )  # fmt: skip
    return bytes(page.output())


def cardiology_letter() -> bytes:
    page = Record("LANTERN BAY CARDIOLOGY", "05/05/2026", "Odalys Brandvold")
    page.add_page()
    page.section(
        "Consultation",
        "Dear Dr. Ferncastle, thank you for sending Mrs. Ravensdale-Okoro back. She has chronic systolic heart failure from a "
        "nonischemic cardiomyopathy, known since 2022. She feels well: NYHA class II, no orthopnea, weight 170 lb at home.",
        "Coronary angiogram of 2022 showed no coronary artery disease. She has never had atrial fibrillation; a monitor of "
        "fourteen days in March was free of it.",
    )
    page.section(
        "Examination", "BP 122/70, pulse 64 and regular. JVP flat, lungs clear, no S3, no edema. ECG: sinus rhythm."
    )
    page.section("Echocardiogram, today")
    page.results(
        ("Measure", "Value", "Unit", "Before"),
        ("LV ejection fraction", "37", "%", "35 (2025)"),
        ("LV end-diastolic diameter", "5.9", "cm", "6.0"),
        ("Left atrial volume index", "39", "mL/m2", "38"),
    )
    page.section(
        "Assessment",
        "Chronic systolic heart failure, nonischemic cardiomyopathy, EF 37 percent, euvolemic, NYHA II. Carvedilol raised to "
        "25 mg twice a day; losartan replaced by sacubitril/valsartan 24/26 mg twice a day; furosemide unchanged.",
        "Chronic kidney disease stage 3b, creatinine 1.6: kidney panel and potassium in two weeks after the change.",
    )
    page.add_page()
    page.section(
        "For the patient",
        "Weigh yourself every morning. If you gain three pounds in a day, or if you should ever have a heart attack or a "
        "stroke, call 911. Bring your list of medicines.",
    )
    page.section("Follow-up", "Six weeks with the heart failure nurse, six months with me.")
    page.signed("MD")
    return bytes(page.output())


def faxed_visit() -> bytes:
    """A whole record as a fax: pictures under a line of text that the machine put there."""
    page = Record("", "08/11/2026", "Imre Castellane")
    told = (
        ("TIDEWATER ENDOCRINE ASSOCIATES", "", "Philippa Ravensdale-Okoro   DOB 05/22/1951", "Visit 08/11/2026", "",
         "Type 2 diabetes since 2009, A1c 7.1 today.", "Polyneuropathy of the feet, gabapentin.", "Nonproliferative retinopathy, eye clinic."),
        ("Plan", "", "Empagliflozin 10 mg and metformin go on.", "A1c in three months.", "", "I. Castellane, MD   08/11/2026"),
    )  # fmt: skip
    for number, texts in enumerate(told, start=1):
        page.scanned(lines(120, 27, *texts), -0.7)
        page.set_font("courier", size=8)
        page.text(60, 16, f"08/12/2026 09:14   FROM TIDEWATER ENDOCRINE   PAGE {number}/2")
    return bytes(page.output())


def encounter(
    number: int, day: str, icn: str, provider: dict[str, str], data: bytes, codes: list[str]
) -> dict[str, Any]:
    name = {"name": provider["name"], "credential": provider["credential"]}
    return {
        "encounter_id": f"M031-E{number}", "from": day, "through": day, "setting": "outpatient",
        "claim": {"icn": icn, "type": "P", "type_of_bill": None, "place_of_service": "11", "accepted": True,
                  "lines": [{"procedure": "99214", "modifiers": []}]},
        "provider": provider,
        "signature": {"status": "signed", **name, "date": day},
        "notes": [{"note_id": f"M031-E{number}-N1", "type": "progress" if number != 2 else "consult",
                   "pdf": base64.b64encode(data).decode()}],
        "first_pass_codes": [{"icd10": code, "source": "claim", "submitted": True} for code in codes],
    }  # fmt: skip


def main() -> None:
    people = (
        {"npi": "1000000129", "specialty": "11", "name": "Tobias Ferncastle", "credential": "MD"},
        {"npi": "1000000301", "specialty": "06", "name": "Odalys Brandvold", "credential": "MD"},
        {"npi": "1000000319", "specialty": "46", "name": "Imre Castellane", "credential": "MD"},
    )
    visits = (
        ("2026-02-17", "2026050031001", office_visit(), ["E11.9", "I50.9", "I10"]),
        ("2026-05-05", "2026127031001", cardiology_letter(), ["I50.22", "I48.91"]),
        ("2026-08-11", "2026225031001", faxed_visit(), ["E11.42"]),
    )
    chart = {
        "project": "demo",
        "service_year": 2026,
        "member": {"member_id": "M031", "mbi": "3SL1OB0IZ31", "birth_date": "1951-05-22", "sex": "F",
                   "name": {"family": "Ravensdale-Okoro", "given": "Philippa"}},
        "enrollments": [{"payment_year": 2027, "program": "cms-hcc", "contract": "H0000", "dual": "none", "orec": "0",
                         "institutional": False, "new_enrollee": False, "switched_ma_organization": False}],
        "encounters": [
            encounter(number, day, icn, people[number - 1], data, codes)
            for number, (day, icn, data, codes) in enumerate(visits, start=1)
        ],
    }  # fmt: skip
    OUT.write_text(json.dumps(chart) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
