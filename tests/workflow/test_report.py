"""The report that Snakemake builds of a finished run (`snakemake --report`)."""

import re


def test_report_holds_every_figure_with_its_caption(demo, tmp_path):
    report = tmp_path / "report.html"
    demo.snakemake("--report", str(report))
    text = report.read_text(encoding="utf-8")
    names = {f"fig{number}.{kind}" for number in range(1, 8) for kind in ("pdf", "png")}
    assert names <= set(re.findall(r"fig\d\.\w+", text))
    # JSON in the page; a caption starts with the paragraph
    captions = re.findall(r'"caption": "<p>((?:[^"\\]|\\.)*)"', text)
    for beginning in (
        "Training samples on the Hertzsprung-Russell diagram",
        "Predicted against reported ages",
        "Literature age of each test cluster",
        "Praesepe: on the left",
        "Individual ages of the stars",
    ):
        of_figure = [caption for caption in captions if caption.startswith(beginning)]
        assert of_figure, beginning
        assert all("simulated" in caption.lower() for caption in of_figure)
    assert not [caption for caption in captions if "{{" in caption or "{%" in caption]
