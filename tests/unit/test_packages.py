def test_the_packages_import() -> None:
    import loadtest_operator

    assert loadtest_operator.__doc__
